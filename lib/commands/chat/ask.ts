/**
 * The questions that a chat asks before it starts: whether to be the server or a client, where to join, and the link of
 * an invitation.
 *
 * @module
 */

import { Failure, usageFailure } from "../../base/failure.ts";
import { LOOPBACK } from "../../base/host_port.ts";
import { printable, withoutFragment } from "../../base/printable.ts";
import { standardInput } from "../../chat/app/setup.ts";
import { type Io, writeAll } from "../../os/io.ts";
import type { Input as Line } from "../../os/streams.ts";

/** The answers. */
export type Answer<A> =
  | {
    readonly side: "server";
    /** The lines after the answers, if the input is piped. */
    readonly input: AsyncIterable<Line> | undefined;
    /** Lines typed at the terminal after the answers and before the chat began. */
    readonly early?: readonly Line[];
  }
  | {
    readonly side: "client";
    readonly address: A;
    /** The lines after the answers, if the input is piped. */
    readonly input: AsyncIterable<Line> | undefined;
    /** Lines typed at the terminal after the answers and before the chat began. */
    readonly early?: readonly Line[];
  }
  /** The input ended or was interrupted before the answers. */
  | { readonly side: "nobody"; readonly code: number };

const SIDE = "server or client? ";
const ADDRESS = `the server's address? [${LOOPBACK}] `;
const LINK = "the link of your invitation? ";

/**
 * Asks at the terminal and repeats a question after an invalid answer, or reads the answers from
 * the first lines of piped input.
 *
 * @param io The standard streams.
 * @param readAddress Parses an address, or throws a {@linkcode Failure} that says what is wrong
 * with it.
 * @returns The answers.
 * @throws {Failure} A usage failure, if a piped answer is invalid or missing.
 */
export async function askSide<A>(
  io: Io,
  readAddress: (text: string) => A,
): Promise<Answer<A>> {
  const answer = await askAt(io, SIDE, (answers) => askBoth(answers, readAddress));
  if (answer.side !== "nobody" || io.input.keyboard !== undefined) return answer;
  const hint = "the first line is server or client, and after client the second is the server's " +
    "address; parley chat server and parley chat client ask nothing";
  throw usageFailure("chat", "standard input ends before the answers", hint);
}

/** Asks questions, the first of which is `first`, where the answers come from. */
async function askAt<A>(
  io: Io,
  first: string,
  ask: (answers: Answers) => Promise<Answer<A>>,
): Promise<Answer<A>> {
  if (io.input.keyboard === undefined) return await ask(new PipedAnswers(io));
  if (io.output.dumb) return await ask(new PlainAnswers(io));
  const { openScreen } = await import("../../terminal/screen.ts");
  using screen = openScreen(io, { prompt: first });
  const entered = screen.entered[Symbol.asyncIterator]();
  const answer = await ask({
    rest: undefined,
    next: (question) => {
      screen.setPrompt(question);
      return entered.next();
    },
    show: (line) => screen.print(line),
    refuse: ({ why, hint }) => screen.print(hint === undefined ? why : `${why}: ${hint}`),
  });
  screen.close();
  // Otherwise the process may end before the question is erased.
  await screen.flushed();
  if (answer.side === "nobody") return answer;
  // A closed screen yields the remaining typed lines and ends.
  const early = await Array.fromAsync({ [Symbol.asyncIterator]: () => entered });
  return { ...answer, early };
}

/** A source of answers. */
export interface Answers {
  next(question: string): Promise<IteratorResult<Line>>;
  /** Echoes an answer if the terminal has not shown it. */
  show(line: string): void;
  /**
   * Says why an answer is invalid before the question is repeated. Throws if the input is piped.
   */
  refuse(failure: Failure): void;
  readonly rest: AsyncIterable<Line> | undefined;
}

/** Answers from piped input. The lines after them are the first messages. */
class PipedAnswers implements Answers {
  readonly #lines: AsyncIterator<Line>;
  readonly rest: AsyncIterable<Line> = { [Symbol.asyncIterator]: () => this.#lines };

  constructor(io: Io) {
    this.#lines = standardInput(io)[Symbol.asyncIterator]();
  }

  next(_question: string): Promise<IteratorResult<Line>> {
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

  override next(question: string): Promise<IteratorResult<Line>> {
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
export async function askBoth<A>(
  answers: Answers,
  readAddress: (text: string) => A,
): Promise<Answer<A>> {
  const side = await answer(answers, SIDE, readSide);
  if ("code" in side) return { side: "nobody", code: side.code };
  if (side.value === "server") return { side: "server", input: answers.rest };
  return await askAddress(
    answers,
    ADDRESS,
    (text) => readAddress(text === "" ? LOOPBACK : text),
  );
}

/** The address of a relay, and the lines that follow it. */
export interface AskedLink<A> {
  readonly address: A;
  readonly input: { input: AsyncIterable<Line> } | { early: readonly Line[] };
}

/**
 * Asks for a link at the terminal, or reads it from the first line of piped input.
 *
 * @param io The standard streams.
 * @param readAddress Parses a link, or throws a {@linkcode Failure} that says what is wrong with it.
 * @returns The link, or an exit code if a person gives none.
 * @throws {Failure} A usage failure, if piped input has no link.
 */
export async function askLink<A>(
  io: Io,
  readAddress: (text: string) => A,
): Promise<AskedLink<A> | number> {
  const answer = await askAt(io, LINK, (answers) => askAddress(answers, LINK, readAddress));
  if (answer.side === "client") {
    const { address, input, early = [] } = answer;
    return { address, input: input === undefined ? { early } : { input } };
  }
  if (io.input.keyboard !== undefined) return answer.side === "nobody" ? answer.code : 0;
  const hint = "the link of the invitation is the first line, and messages follow";
  throw usageFailure("chat client -", "standard input has no link", hint);
}

/** Asks where to join. */
async function askAddress<A>(
  answers: Answers,
  question: string,
  readAddress: (text: string) => A,
): Promise<Answer<A>> {
  const address = await answer(answers, question, readAddress);
  if ("code" in address) return { side: "nobody", code: address.code };
  return { side: "client", address: address.value, input: answers.rest };
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
    answers.show(question + printable(withoutFragment(value.text)));
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
