/**
 * A room of a thousand that sends receipts: what one speaker costs, and how long it takes to change the keys when a member
 * leaves. The speakers are real; the others unwrap their keys and send receipts, but open no text.
 *
 * @module
 */

import type { Bench, Figure } from "./bench.ts";
import { type CrowdProcess, startCrowd } from "./crowd.ts";
import { median, spread } from "./figures.ts";
import { pause, type Processes, type Running } from "./processes.ts";
import { processorMs } from "./processor.ts";
import { type RunningRelay, startParley } from "./relays.ts";

const MEMBERS = 999;
const SPEAKERS = 10;
/** How often the one speaker says something, in milliseconds. */
const BETWEEN_MS = 100;
const GOALS = { core: 0.5, receiptsMs: 3_000, keysMs: 2_000 } as const;

/** Measures both. */
export async function largeRoom({ processes, runs, quick }: Bench): Promise<Figure[]> {
  const relay = await startParley(processes);
  const { port } = relay;
  const crowd = await startCrowd(processes, { kind: "listening", port, members: MEMBERS });
  const first = await Speaker.join(processes, port, 0);
  const receipts = await measureReceipts(relay, first, runs, quick ? 30 : 100);
  const speakers = [first];
  while (speakers.length < SPEAKERS) {
    speakers.push(await Speaker.join(processes, port, speakers.length));
  }
  const keys = await measureLeaving(relay, crowd, speakers, runs);
  for (const speaker of speakers) await speaker.process.stop("SIGKILL");
  await crowd.stop();
  await relay.process.stop("SIGKILL");
  return [...receipts, ...keys];
}

/** A speaker: the command line's client, whose input and JSON output are pipes. */
class Speaker {
  readonly process: Running;
  #lines = 0;

  private constructor(process: Running) {
    this.process = process;
  }

  /** Joins, and says one line, so that everybody has its keys. */
  static async join(processes: Processes, port: number, before: number): Promise<Speaker> {
    const name = `speaker-${before}`;
    const args = ["client", `127.0.0.1:${port}`, "--json", "--name", name];
    const speaker = new Speaker(processes.chat(args));
    for (let joined = 0; joined < MEMBERS + before + 1; joined++) await speaker.event("joined");
    await speaker.say();
    await speaker.event("delivered");
    return speaker;
  }

  /** Says a line. */
  async say(): Promise<void> {
    await this.process.write(`line ${++this.#lines}\n`);
  }

  /** Waits for the next event of a kind, over others. */
  async event(kind: string): Promise<Record<string, unknown>> {
    for (;;) {
      const event = JSON.parse(await this.process.line());
      if (event.event === "error") throw new Error(`a speaker reports ${event.message}`);
      if (event.event === kind) return event;
    }
  }
}

/** What one run costs a process, as a share of a core. */
interface Cost {
  readonly relay: number;
  readonly speaker: number;
  /** From the last line to the receipts of everybody. */
  readonly receiptsMs: number;
}

async function measureReceipts(
  relay: RunningRelay,
  speaker: Speaker,
  runs: number,
  lines: number,
): Promise<Figure[]> {
  const costs: Cost[] = [];
  for (let run = 0; run < runs; run++) costs.push(await speak(relay, speaker, lines));
  const what = "a room of 1,000, one speaker, 10 lines/s";
  const core = (side: "relay" | "speaker"): Figure => {
    const shares = costs.map((cost) => cost[side]);
    const share = median(shares);
    return {
      what: `${what}: the ${side}`,
      goal: `<= ${GOALS.core} of a core`,
      measured: share.toFixed(2),
      met: share <= GOALS.core,
      note: `${spread(shares, (value) => value.toFixed(2))}; processor time; ${lines} lines a run`,
    };
  };
  const waits = costs.map(({ receiptsMs }) => receiptsMs);
  return [core("relay"), core("speaker"), {
    what: `${what}: the last line's receipts`,
    goal: `<= ${GOALS.receiptsMs} ms`,
    measured: milliseconds(median(waits)),
    met: median(waits) <= GOALS.receiptsMs,
    note: spread(waits, milliseconds),
  }];
}

async function speak(relay: RunningRelay, speaker: Speaker, lines: number): Promise<Cost> {
  const used = () =>
    Promise.all([processorMs(relay.process.pid), processorMs(speaker.process.pid)]);
  const before = await used();
  const started = performance.now();
  const delivered = allDelivered(speaker, lines);
  for (let line = 0; line < lines; line++) {
    await pause(Math.max(0, started + line * BETWEEN_MS - performance.now()));
    await speaker.say();
  }
  const said = performance.now();
  await delivered;
  const ended = performance.now();
  const after = await used();
  const [ofRelay, ofSpeaker] = after.map((ms, i) => (ms - before[i]!) / (ended - started));
  return { relay: ofRelay!, speaker: ofSpeaker!, receiptsMs: ended - said };
}

async function allDelivered(speaker: Speaker, lines: number): Promise<void> {
  for (let line = 0; line < lines; line++) {
    const { missed } = await speaker.event("delivered");
    if (missed !== undefined) throw new Error("a line was missed");
  }
}

async function measureLeaving(
  relay: RunningRelay,
  crowd: CrowdProcess,
  speakers: readonly Speaker[],
  runs: number,
): Promise<Figure[]> {
  const waits: number[] = [];
  const costs: { relay: number; speakers: number }[] = [];
  const processes = [relay.process, ...speakers.map(({ process }) => process)];
  const used = () => Promise.all(processes.map(({ pid }) => processorMs(pid)));
  for (let run = 0; run < runs; run++) {
    const before = await used();
    const keys = crowd.leave(speakers.length);
    await Promise.all(speakers.map(async (speaker) => {
      await speaker.event("left");
      await speaker.say();
    }));
    waits.push(await keys);
    const [first, ...others] = (await used()).map((ms, i) => ms - before[i]!);
    costs.push({
      relay: first!,
      speakers: others.reduce((sum, ms) => sum + ms, 0) / speakers.length,
    });
    await Promise.all(speakers.map((speaker) => speaker.event("delivered")));
  }
  const wait = median(waits);
  const [ofRelay, ofSpeaker] = (["relay", "speakers"] as const).map((side) =>
    milliseconds(median(costs.map((cost) => cost[side])))
  );
  return [{
    what: `a member leaves a room of 1,000, ${speakers.length} speak: new keys with all`,
    goal: `<= ${GOALS.keysMs} ms`,
    measured: milliseconds(wait),
    met: wait <= GOALS.keysMs,
    note: `${
      spread(waits, milliseconds)
    }; processor time: relay ${ofRelay}, a speaker ${ofSpeaker}`,
  }];
}

function milliseconds(value: number): string {
  return `${Math.round(value).toLocaleString("en-US")} ms`;
}
