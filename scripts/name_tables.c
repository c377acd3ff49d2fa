/*
 * Prints lib/chat/identity/name_tables.ts, which characters a name may have and which look alike, from ICU's data:
 *
 *     apt-get install libicu-dev
 *     cc -o name_tables scripts/name_tables.c -licui18n -licuuc
 *     ./name_tables > lib/chat/identity/name_tables.ts
 *
 * The tables are part of the protocol: every member and relay must have the same ones.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unicode/uchar.h>
#include <unicode/unorm2.h>
#include <unicode/uscript.h>
#include <unicode/uspoof.h>
#include <unicode/ustring.h>

#define MAX_CODE 0x110000
#define COLUMNS 100

static UErrorCode status = U_ZERO_ERROR;
static const UNormalizer2 *nfkc, *nfd;
static USpoofChecker *checker;

static void require(const char *what) {
    if (U_SUCCESS(status)) return;
    fprintf(stderr, "%s: %s\n", what, u_errorName(status));
    exit(1);
}

/* A text of one character, in UTF-16. */
static int32_t text_of(UChar32 code, UChar *text) {
    int32_t length = 0;
    U16_APPEND_UNSAFE(text, length, code);
    return length;
}

static int is_unchanged(const UNormalizer2 *form, UChar32 code) {
    UChar text[2], normal[64];
    int32_t length = text_of(code, text);
    int32_t size = unorm2_normalize(form, text, length, normal, 64, &status);
    require("unorm2_normalize");
    return size == length && u_memcmp(text, normal, size) == 0;
}

/* Characters that show as nothing, though Unicode does not call them ignorable. */
static int is_blank(UChar32 code) {
    switch (code) {
    case 0x2800:  /* BRAILLE PATTERN BLANK */
    case 0x1107F: /* BRAHMI NUMBER JOINER */
    case 0x13441: /* EGYPTIAN HIEROGLYPH FULL BLANK */
    case 0x13442: /* EGYPTIAN HIEROGLYPH HALF BLANK */
    case 0x16FE4: /* KHITAN SMALL SCRIPT FILLER */
    case 0x1D159: /* MUSICAL SYMBOL NULL NOTEHEAD */
        return 1;
    default:
        return 0;
    }
}

/* L: a letter or a number. M: a mark that takes no space of its own. S: a sign, or one that does. 0: none of a name. */
static char kind_of(UChar32 code) {
    int mask = U_MASK(u_charType(code));
    if (mask & (U_GC_C_MASK | U_GC_Z_MASK)) return 0;
    if (u_hasBinaryProperty(code, UCHAR_DEFAULT_IGNORABLE_CODE_POINT) || is_blank(code)) return 0;
    if (!is_unchanged(nfkc, code)) return 0;
    if (mask & (U_GC_L_MASK | U_GC_N_MASK)) return 'L';
    return mask & (U_GC_MN_MASK | U_GC_ME_MASK) ? 'M' : 'S';
}

static char sets[1024][256];
static int set_count = 0;

/* The number of a character's set of scripts (Script_Extensions). */
static int set_of(UChar32 code) {
    UScriptCode scripts[64];
    char names[256] = "";
    int32_t count = uscript_getScriptExtensions(code, scripts, 64, &status);
    require("uscript_getScriptExtensions");
    for (int32_t i = 0; i < count; i++) {
        if (i > 0) strcat(names, " ");
        strcat(names, uscript_getShortName(scripts[i]));
    }
    for (int i = 0; i < set_count; i++) {
        if (strcmp(sets[i], names) == 0) return i;
    }
    strcpy(sets[set_count], names);
    return set_count++;
}

static int column = 0;

/* Begins a text that put() prints and end_text() ends. It is a sum of lines, which is one text when it is bundled. */
static void begin_text(const char *name) {
    printf("export const %s =\n  \"", name);
    column = 0;
}

static void end_text(void) {
    puts("\";");
}

/* Prints a word, on the next line where it does not fit. */
static void put(const char *word) {
    int length = (int)strlen(word);
    if (column + length > COLUMNS) {
        printf("\" +\n  \"");
        column = 0;
    }
    fputs(word, stdout);
    column += length;
}

/*
 * The digits of numbers. One of the first LAST_DIGITS ends a number, those before it are of the others: so that small
 * numbers, which are the most, take one character and nothing stands between two numbers. None of them means anything
 * within a string of JavaScript or ends a script element of HTML.
 */
static const char DIGITS[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz!#%&'()*+,-./:;=>?@[]^_{|}~";
#define LAST_DIGITS 62
#define OTHER_DIGITS (sizeof DIGITS - 1 - LAST_DIGITS)

static void put_number(unsigned number) {
    char word[16];
    char *start = word + sizeof word;
    *--start = 0;
    *--start = DIGITS[number % LAST_DIGITS];
    for (number /= LAST_DIGITS; number > 0; number /= OTHER_DIGITS) {
        *--start = DIGITS[LAST_DIGITS + number % OTHER_DIGITS];
    }
    put(start);
}

static const char KINDS[] = "LMS";

#define MAX_RUNS 4096

/* Characters of one kind and one set of scripts, from start to end, exclusive. */
struct run {
    UChar32 start, end;
    int set;
    char kind;
};

static struct run runs[MAX_RUNS];
static int run_count = 0;

/* Whether a character belongs to a run that has begun. What NFKC replaces is in no name, and may be in any run. */
static int goes_on(const struct run *run, UChar32 code) {
    char kind = kind_of(code);
    return kind == 0 ? !is_unchanged(nfkc, code) : kind == run->kind && set_of(code) == run->set;
}

static void find_runs(void) {
    for (UChar32 code = 0; code < MAX_CODE;) {
        char kind = kind_of(code);
        if (kind == 0) {
            code++;
            continue;
        }
        struct run *run = &runs[run_count++];
        *run = (struct run){code, code, set_of(code), kind};
        for (; code < MAX_CODE && goes_on(run, code); code++) {
            if (kind_of(code) != 0) run->end = code + 1;
        }
        code = run->end;
    }
}

static void print_characters(void) {
    puts("\n/**\n * Runs of characters, which may have characters in between that NFKC replaces. First, for each run, two numbers: the gap\n * before it, and its length less 1. Then, for each run, one number: three times the distance of its script set from\n * that of the run before, plus the kind of its characters. A distance d is the number 2d, or -2d - 1 if it is negative.\n * Kinds are L, M and S, in this order. This order compresses best.\n */");
    begin_text("CHARACTERS");
    UChar32 end = 0;
    for (int i = 0; i < run_count; i++) {
        put_number(runs[i].start - end);
        put_number(runs[i].end - runs[i].start - 1);
        end = runs[i].end;
    }
    int before = 0;
    for (int i = 0; i < run_count; i++) {
        int distance = runs[i].set - before;
        put_number(3 * (distance < 0 ? -2 * distance - 1 : 2 * distance) + (strchr(KINDS, runs[i].kind) - KINDS));
        before = runs[i].set;
    }
    end_text();
}

#define MAX_TARGET 16

/* A character, and the prototype that it looks like. */
struct pair {
    UChar32 source;
    int length;
    UChar32 target[MAX_TARGET];
};

static struct pair pairs[20000];
static int pair_count = 0;

/* Notes what a character looks like, where that is not itself. Only what a decomposed name can have matters. */
static void note_confusable(UChar32 code) {
    UChar text[2], skeleton[64];
    int32_t length = text_of(code, text);
    int32_t size = uspoof_getSkeleton(checker, 0, text, length, skeleton, 64, &status);
    require("uspoof_getSkeleton");
    if (size == length && u_memcmp(text, skeleton, size) == 0) return;
    struct pair *pair = &pairs[pair_count++];
    pair->source = code;
    pair->length = 0;
    for (int32_t i = 0; i < size;) {
        UChar32 part;
        U16_NEXT(skeleton, i, size, part);
        pair->target[pair->length++] = part;
    }
}

/* Prints the characters whose prototypes have a length. */
static void print_pairs(int length) {
    int count = 0;
    for (int i = 0; i < pair_count; i++) count += pairs[i].length == length;
    put_number(count);
    UChar32 before = 0;
    for (int i = 0; i < pair_count; i++) {
        if (pairs[i].length != length) continue;
        put_number(pairs[i].source - before);
        before = pairs[i].source;
    }
    for (int part = 0; part < length; part++) {
        for (int i = 0; i < pair_count; i++) {
            if (pairs[i].length == length) put_number(pairs[i].target[part]);
        }
    }
}

static void print_confusables(void) {
    for (UChar32 code = 0; code < MAX_CODE; code++) {
        if (kind_of(code) != 0 && is_unchanged(nfd, code)) note_confusable(code);
    }
    int longest = 0;
    for (int i = 0; i < pair_count; i++) {
        if (pairs[i].length > longest) longest = pairs[i].length;
    }
    puts("\n/**\n * Confusable characters, by the length of the prototype that they look like, which is 1, 2 and so on: how many there\n * are; each one as the distance from the one before; then the first characters of all their prototypes, the second\n * ones, and so on. This order compresses best.\n */");
    begin_text("CONFUSABLES");
    for (int length = 1; length <= longest; length++) print_pairs(length);
    end_text();
}

static void print_sets(void) {
    puts("\n/** Sets of scripts, by their ISO 15924 codes. */");
    begin_text("SCRIPT_SETS");
    for (int i = 0; i < set_count; i++) {
        put(sets[i]);
        put(";");
    }
    end_text();
}

int main(void) {
    nfkc = unorm2_getNFKCInstance(&status);
    nfd = unorm2_getNFDInstance(&status);
    checker = uspoof_open(&status);
    require("ICU");
    puts("/**");
    puts(" * Tables of the characters that names may contain, of their scripts, and of characters that look");
    puts(" * alike (UTS #39, UAX #24).");
    puts(" *");
    puts(" * Generated by `scripts/name_tables.c`. The page for browsers contains them: so they are short, also when compressed.");
    puts(" *");
    puts(" * @module");
    puts(" */\n");
    printf("/** The version of Unicode from which the tables were generated. */\nexport const UNICODE_VERSION = \"%s\";\n", U_UNICODE_VERSION);
    printf("\n/** The digits of numbers: the first {@linkcode LAST_DIGITS} end a number, the others stand before one of those. */\nexport const DIGITS =\n  \"%s\";\n", DIGITS);
    printf("\n/** How many digits end a number. */\nexport const LAST_DIGITS = %d;\n", LAST_DIGITS);
    find_runs();
    print_characters();
    print_confusables();
    print_sets();
    return 0;
}
