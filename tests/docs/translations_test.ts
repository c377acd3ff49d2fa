// needs: net read=.

/**
 * The documents in Chinese have the sections, code, tables and links of those in English. Other tests run the code blocks
 * of the English ones, and `deno test --doc` runs the TypeScript of both.
 *
 * @module
 */

// @ts-types="../../types/std_assert.d.ts"
import { assert, assertEquals } from "@std/assert";
import { EXAMPLES } from "../../scripts/test/groups.ts";
import { granted } from "../fixtures/granted.ts";
import { documentNames, readDocument } from "./documents.ts";
import { differences } from "./translation.ts";

const ignore = !granted("read=.");

/** The English title of each section of README.zh.md. */
const TITLES = {
  "开始使用": "Start",
  "为什么不用……": "Why not …",
  "安装": "Install",
  "教程与命令对照": "The tutorial, command by command",
  "安全性：通俗地说": "Security, in plain words",
  "权限": "Permissions",
  "在管道中使用": "In pipes",
  "作为库使用": "As a library",
  "测试": "Tests",
  "更多文档": "More",
  "许可证": "License",
};

for (const original of ["README.md", "docs/tutorial.md"]) {
  const translated = original.replace(".md", ".zh.md");
  const own = translated.split("/").at(-1)!;

  Deno.test({
    name: `${translated} has the sections, code, tables and links of ${original}`,
    ignore,
    async fn() {
      const [english, chinese] = [await readDocument(original), await readDocument(translated)];
      assertEquals(differences(english, chinese, TITLES), []);
    },
  });

  Deno.test({
    name: `${original} and ${translated} lead to each other below their titles`,
    ignore,
    async fn() {
      const [english, chinese] = [await readDocument(original), await readDocument(translated)];
      assertEquals(english.split("\n")[2], `[中文](${own})`);
      assertEquals(chinese.split("\n")[2], `[English](${own.replace(".zh.md", ".md")})`);
    },
  });
}

Deno.test({
  name: "each document in Chinese has an English one, is published, and its TypeScript is run",
  ignore,
  async fn() {
    const names = await documentNames();
    const chinese = names.filter((name) => name.endsWith(".zh.md")).sort();
    assertEquals(chinese, ["README.zh.md", "docs/tutorial.zh.md"]);
    for (const name of chinese) {
      assert(names.includes(name.replace(".zh.md", ".md")), name);
      assert(EXAMPLES.paths.includes(name), name);
    }
    const { default: { publish } } = await import("../../deno.json", { with: { type: "json" } });
    for (const name of chinese) {
      assert(publish.include.some((path) => path === name || name.startsWith(path)), name);
    }
  },
});

const ENGLISH = `# Title

## 1. One

Use \`parley one\`.

\`\`\`ts
// Count.
const one = 1; // the first
console.log(one); // 1
\`\`\`

## 2. Two

| a       | b |
| ------- | - |
| \`two\` | c |

See [three](three.md).
`;

Deno.test("differences() finds none in a translation of text, titles and comments", () => {
  const chinese = ENGLISH.replace("Title", "题").replace("One", "一").replace("Use", "用")
    .replace("the first", "第一").replace("Count.", "计数。").replace("| c", "| 丙").replace(
      "[three]",
      "[三]",
    );
  assertEquals(differences(ENGLISH, chinese), []);
});

Deno.test("differences() finds a section that one document has and the other lacks", () => {
  const [before = ""] = ENGLISH.split("## 2.");
  assertEquals(differences(ENGLISH, before), ["## 2.: not translated"]);
  assertEquals(differences(before, ENGLISH), ["## 2.: only translated"]);
  assertEquals(differences("## Start\n", "## 开始\n", { "开始": "Start" }), []);
  assertEquals(differences("## Start\n", "## 开始\n").length, 2);
  assertEquals(differences("## A\n## B\n", "## B\n## A\n"), ["the sections are in another order"]);
});

Deno.test("differences() finds another command, another row and another link", () => {
  const changed = (from: string, to: string) => differences(ENGLISH, ENGLISH.replace(from, to));
  assertEquals(changed("parley one", "parley 1"), [
    '## 1.: code: missing "parley one", extra "parley 1"',
  ]);
  assertEquals(changed("const one = 1;", "const one = 2;").length, 1);
  assertEquals(changed("one = 1; // the first", "one = 2; // 第一").length, 1);
  assertEquals(changed("(one); // 1", "(one); // 2").length, 1);
  assertEquals(changed("| `two` | c |\n", "").length, 2);
  assertEquals(changed("three.md", "four.md").length, 1);
  assertEquals(changed("three.md", "three.zh.md"), []);
});
