/**
 * Asks the two questions of `parley chat` without a subcommand: server or client, and the server's
 * address.
 *
 * @module
 */

import { Failure, usageFailure } from "../../base/failure.ts";
import { printable } from "../../base/printable.ts";
import { type Io, writeAll } from "../../os/io.ts";
import type { Input } from "../../os/streams.ts";
import { standardInput } from "./setup.ts";

/** The answers. */
export type Answer<A> =
  | {
    readonly side: "server";
    /** The lines after the answers, if the input is piped. */
    readonly input: AsyncIterable<Input> | undefined;
    /** Lines typed at the terminal after the answers and before the chat began. */
    readonly early?: readonly Input[];
  }
  | {
    readonly side: "client";
    readonly address: A;
    /** The lines after the answers, if the input is piped. */
    readonly input: AsyncIterable<Input> | undefined;
    /** Lines typed at the terminal after the answers and before the chat began. */
    readonly early?: readonly Input[];
  }
  /** The input ended or was interrupted before the answers. */
  | { readonly side: "nobody"; readonly code: number };

const SIDE = "server or client? ";
const ADDRESS = "the server's address? [127.0.0.1] ";
const DEFAULT_ADDRESS = "127.0.0.1";

/**
 * Asks at the terminal and repeats a question after an invalid answer, or reads the answers from
 * the first lines of piped input.
 *
 * @param io The standard streams.
 * @param readAddress Parses an address, or throws a {@linkcode Failure} that says what is wrong
 * with it.
 * @returns The answers.
 * @throws {Failure} A usage failure, if a piped answer is invalid.
 */
export async function askSide<A>(
  io: Io,
  readAddress: (text: string) => A,
): Promise<Answer<A>> {
  if (io.input.keyboard === undefined) return await ask(new PipedAnswers(io), readAddress);
  if (io.output.dumb) return await ask(new PlainAnswers(io), readAddress);
  const { openScreen } = await import("../../terminal/screen.ts");
  using screen = openScreen(io, { prompt: SIDE });
  const entered = screen.entered[Symbol.asyncIterator]();
  const answer = await ask({
    rest: undefined,
    next: (question) => {
      screen.setPrompt(question);
      return entered.next();
    },
    show: (line) => screen.print(line),
    refuse: ({ why, hint }) => screen.print(hint === undefined ? why : `${why}: ${hint}`),
  }, readAddress);
  if (answer.side === "nobody") return answer;
  screen.close();
  // A closed screen yields the remaining typed lines and ends.
  const early = await Array.fromAsync({ [Symbol.asyncIterator]: () => entered });
  return { ...answer, early };
}

/** A source of answers. */
export interface Answers {
  next(question: string): Promise<IteratorResult<Input>>;
  /** Echoes an answer if the terminal has not shown it. */
  show(line: string): void;
  /**
   * Says why an answer is invalid before the question is repeated. Throws if the input is piped.
   */
  refuse(failure: Failure): void;
  readonly rest: AsyncIterable<Input> | undefined;
}

/** Answers from piped input. The lines after them are the first messages. */
class PipedAnswers implements Answers {
  readonly #lines: AsyncIterator<Input>;
  readonly rest: AsyncIterable<Input> = { [Symbol.asyncIterator]: () => this.#lines };

  constructor(io: Io) {
    this.#lines = standardInput(io)[Symbol.asyncIterator]();
  }

  next(_question: string): Promise<IteratorResult<Input>> {
    return this.#lines.next();
  }

  show(): void {}

  refuse(failure: Failure): void {
    throw failure;
  }
}

/** Answers typed at a terminal without escape sequences (`TERM=dumb`). */
class PlainAnswers extends PipedAnswers {
  readonly #output: Io["output"];

  constructor(io: Io) {
    super(io);
    this.#output = io.output;
  }

  override next(question: string): Promise<IteratorResult<Input>> {
    writeAll(this.#output, question);
    return super.next(question);
  }

  override refuse({ why, hint = "" }: Failure): void {
    writeAll(this.#output, `${why}: ${hint}\n`);
  }
}

/**
 * Asks both questions.
 *
 * @param answers The source of the answers.
 * @param readAddress Parses an address, or throws a {@linkcode Failure} that says what is wrong
 * with it.
 * @returns The answers.
 */
export async function ask<A>(
  answers: Answers,
  readAddress: (text: string) => A,
): Promise<Answer<A>> {
  const side = await answer(answers, SIDE, readSide);
  if ("code" in side) return { side: "nobody", code: side.code };
  const input = answers.rest;
  if (side.value === "server") return { side: "server", input };
  const address = await answer(
    answers,
    ADDRESS,
    (text) => readAddress(text === "" ? DEFAULT_ADDRESS : text),
  );
  if ("code" in address) return { side: "nobody", code: address.code };
  return { side: "client", address: address.value, input };
}

/** Returns one valid answer, or an exit code if there is none. */
async function answer<T>(
  answers: Answers,
  question: string,
  read: (text: string) => T,
): Promise<{ readonly value: T } | { readonly code: number }> {
  for (;;) {
    const { done, value } = await answers.next(question);
    if (done === true) return { code: 0 };
    if (value.kind === "interrupt") return { code: 130 };
    if (value.kind !== "line") return { code: 0 };
    answers.show(question + printable(value.text));
    try {
      return { value: read(value.text.trim()) };
    } catch (error) {
      if (!(error instanceof Failure)) throw error;
      answers.refuse(error);
    }
  }
}

function readSide(answer: string): "server" | "client" {
  for (const side of ["server", "client"] as const) {
    if (answer !== "" && side.startsWith(answer.toLowerCase())) return side;
  }
  throw usageFailure(
    "cannot read the answer",
    "the answer must be server or client",
    "type s to open a room here, c to join one, or Ctrl-D to leave",
  );
}
