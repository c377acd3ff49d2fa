// @ts-types="../../types/std_assert.d.ts"
import { assertEquals } from "@std/assert";
import { releaseNotes } from "../../scripts/release_notes.ts";

const CHANGELOG = `# Changelog

## Unreleased

## [0.2.0] - 2026-12-01

### Added

- Two.

## 0.1.0

- One.
`;

Deno.test("releaseNotes() returns the section of one version, with or without brackets and date", () => {
  assertEquals(releaseNotes(CHANGELOG, "0.2.0"), "### Added\n\n- Two.");
  assertEquals(releaseNotes(CHANGELOG, "0.1.0"), "- One.");
});

Deno.test("releaseNotes() returns nothing for a missing or empty section", () => {
  for (const version of ["0.1", "0.3.0", "Unreleased", "#"]) {
    assertEquals(releaseNotes(CHANGELOG, version), undefined, version);
  }
});
