/*
 * Prints lib/chat/name_tables.ts, which characters a name may have and which look alike, from ICU's data:
 *
 *     apt-get install libicu-dev
 *     cc -o name_tables scripts/name_tables.c -licui18n -licuuc
 *     ./name_tables > lib/chat/name_tables.ts
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

/* L: a letter or a number. M: a mark that takes no space of its own. C: one that does. S: a sign. 0: none of a name. */
static char kind_of(UChar32 code) {
    int mask = U_MASK(u_charType(code));
    if (mask & (U_GC_C_MASK | U_GC_Z_MASK)) return 0;
    if (u_hasBinaryProperty(code, UCHAR_DEFAULT_IGNORABLE_CODE_POINT) || is_blank(code)) return 0;
    if (!is_unchanged(nfkc, code)) return 0;
    if (mask & (U_GC_L_MASK | U_GC_N_MASK)) return 'L';
    if (mask & (U_GC_MN_MASK | U_GC_ME_MASK)) return 'M';
    return mask & U_GC_MC_MASK ? 'C' : 'S';
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

/* Prints a word, on the next line where it does not fit. */
static void put(const char *word) {
    int length = (int)strlen(word);
    if (column + length > COLUMNS) {
        putchar('\n');
        column = 0;
    }
    fputs(word, stdout);
    column += length;
}

static void base36(unsigned number, char *text) {
    char digits[16];
    int count = 0;
    do {
        digits[count++] = "0123456789abcdefghijklmnopqrstuvwxyz"[number % 36];
        number /= 36;
    } while (number > 0);
    while (count > 0) *text++ = digits[--count];
    *text = 0;
}

static void print_characters(void) {
    puts("\n/**\n * Runs of characters: the gap before the run, its length, and the kind and script set of its\n * characters.\n */");
    printf("export const CHARACTERS = `\n");
    column = 0;
    UChar32 end = 0;
    for (UChar32 code = 0; code < MAX_CODE;) {
        char kind = kind_of(code);
        if (kind == 0) {
            code++;
            continue;
        }
        int set = set_of(code);
        UChar32 start = code;
        while (code < MAX_CODE && kind_of(code) == kind && set_of(code) == set) code++;
        char gap[16], length[16], number[16], word[64];
        base36(start - end, gap);
        base36(code - start, length);
        base36(set, number);
        snprintf(word, sizeof word, "%s,%s,%c%s;", gap, length, kind, number);
        put(word);
        end = code;
    }
    printf("`;\n");
}

struct pair {
    char target[256];
    UChar32 source;
};

static struct pair pairs[20000];
static int pair_count = 0;

static int by_target(const void *a, const void *b) {
    const struct pair *one = a, *other = b;
    int order = strcmp(one->target, other->target);
    return order != 0 ? order : one->source < other->source ? -1 : 1;
}

/* Notes what a character looks like, where that is not itself. Only what a decomposed name can have matters. */
static void note_confusable(UChar32 code) {
    UChar text[2], skeleton[64];
    int32_t length = text_of(code, text);
    int32_t size = uspoof_getSkeleton(checker, 0, text, length, skeleton, 64, &status);
    require("uspoof_getSkeleton");
    if (size == length && u_memcmp(text, skeleton, size) == 0) return;
    struct pair *pair = &pairs[pair_count++];
    pair->source = code;
    pair->target[0] = 0;
    for (int32_t i = 0; i < size;) {
        UChar32 part;
        char word[16];
        U16_NEXT(skeleton, i, size, part);
        base36(part, word);
        if (pair->target[0] != 0) strcat(pair->target, ".");
        strcat(pair->target, word);
    }
}

static void print_confusables(void) {
    for (UChar32 code = 0; code < MAX_CODE; code++) {
        if (kind_of(code) != 0 && is_unchanged(nfd, code)) note_confusable(code);
    }
    qsort(pairs, pair_count, sizeof pairs[0], by_target);
    puts("\n/**\n * Confusable characters: a prototype, and the characters that look like it, each as the distance\n * from the previous one.\n */");
    printf("export const CONFUSABLES = `\n");
    column = 0;
    UChar32 before = 0;
    for (int i = 0; i < pair_count; i++) {
        char distance[16];
        int is_first = i == 0 || strcmp(pairs[i].target, pairs[i - 1].target) != 0;
        int is_last = i + 1 == pair_count || strcmp(pairs[i].target, pairs[i + 1].target) != 0;
        if (is_first) put(pairs[i].target);
        base36(pairs[i].source - (is_first ? 0 : before), distance);
        put(is_first ? ":" : ",");
        put(distance);
        if (is_last) put(";");
        before = pairs[i].source;
    }
    printf("`;\n");
}

static void print_sets(void) {
    puts("\n/** Sets of scripts, by their ISO 15924 codes. */");
    printf("export const SCRIPT_SETS = `\n");
    column = 0;
    for (int i = 0; i < set_count; i++) {
        put(sets[i]);
        put(";");
    }
    printf("`;\n");
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
    puts(" * Generated by `scripts/name_tables.c`. Numbers are in base 36; line breaks have no meaning.");
    puts(" *");
    puts(" * @module");
    puts(" */\n");
    printf("/** The version of Unicode from which the tables were generated. */\nexport const UNICODE_VERSION = \"%s\";\n", U_UNICODE_VERSION);
    print_characters();
    print_confusables();
    print_sets();
    return 0;
}
