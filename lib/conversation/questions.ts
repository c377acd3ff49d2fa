/**
 * The tutorial's two questions: server or client? the server's address?
 *
 * @module
 */

import { usageFailure } from "../failure.ts";
import type { Input } from "./lines.ts";
import { standardInput } from "./stage.ts";

/** What was answered. */
export type Answer =
  | {
    readonly side: "server";
    /** The lines behind the answers, where they were piped in. */
    readonly input: AsyncIterable<Input> | undefined;
    /** What was entered at the terminal behind the answers, before the chat began. */
    readonly early?: readonly Input[];
  }
  | {
    readonly side: "client";
    readonly address: string;
    /** The lines behind the answers, where they were piped in. */
    readonly input: AsyncIterable<Input> | undefined;
    /** What was entered at the terminal behind the answers, before the chat began. */
    readonly early?: readonly Input[];
  }
  /** Whoever was asked left. */
  | { readonly side: "nobody"; readonly code: number };

const SIDE = "server or client? ";
const ADDRESS = "the server's address? [127.0.0.1] ";

/**
 * Asks at the terminal, or reads the answers from the first lines of standard input.
 *
 * @throws {Failure} Usage, where an answer is neither.
 */
export async function askSide(): Promise<Answer> {
  if (!Deno.stdin.isTerminal()) return await ask(new PipedAnswers());
  const { openScreen } = await import("../chat/screen.ts");
  using screen = openScreen({ prompt: SIDE });
  const entered = screen.entered[Symbol.asyncIterator]();
  const answer = await ask({
    rest: undefined,
    next: (question) => {
      screen.setPrompt(question);
      return entered.next();
    },
    show: (line) => screen.print(line),
  });
  if (answer.side === "nobody") return answer;
  screen.close();
  // A closed screen gives what was entered, and ends.
  const early = await Array.fromAsync({ [Symbol.asyncIterator]: () => entered });
  return { ...answer, early };
}

/** Where answers come from. */
interface Answers {
  next(question: string): Promise<IteratorResult<Input>>;
  /** Shows what was answered, where that is not to be seen. */
  show(line: string): void;
  readonly rest: AsyncIterable<Input> | undefined;
}

/** The answers that were piped in; the lines behind them are the first to be said. */
class PipedAnswers implements Answers {
  readonly #lines = standardInput()[Symbol.asyncIterator]();
  readonly rest: AsyncIterable<Input> = { [Symbol.asyncIterator]: () => this.#lines };

  next(): Promise<IteratorResult<Input>> {
    return this.#lines.next();
  }

  show(): void {}
}

async function ask(answers: Answers): Promise<Answer> {
  const side = await line(answers, SIDE);
  if (typeof side === "number") return { side: "nobody", code: side };
  const input = answers.rest;
  if (isShortFor(side, "server")) return { side: "server", input };
  if (!isShortFor(side, "client")) {
    throw usageFailure("cannot be neither", "the answer is server or client", "type s or c");
  }
  const address = await line(answers, ADDRESS);
  if (typeof address === "number") return { side: "nobody", code: address };
  return { side: "client", address: address === "" ? "127.0.0.1" : address, input };
}

/** One answer, or the exit code of whoever gives none. */
async function line(answers: Answers, question: string): Promise<string | number> {
  const { done, value } = await answers.next(question);
  if (done === true) return 0;
  if (value.kind === "interrupt") return 130;
  if (value.kind !== "line") return 0;
  answers.show(question + value.text);
  return value.text.trim();
}

function isShortFor(answer: string, word: string): boolean {
  return answer !== "" && word.startsWith(answer.toLowerCase());
}
