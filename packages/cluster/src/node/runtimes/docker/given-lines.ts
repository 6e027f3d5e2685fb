import type { LogLine } from "../../runtime.ts";

/**
 * Which lines of a log were given already. Docker's follower begins a file again when it is rotated, and at times what
 * it has just read (moby/daemon/logger/loggerutils/logfile.go of 20.10). The lines of each of a container's streams are
 * in the order of their times, except where the clock was put back; the pieces of a line longer than 16 KiB have one time.
 */
export class GivenLines {
  readonly #streams = new Map<string, GivenTimes>();
  #baseMs: number | undefined;
  #first: number | undefined;

  /** Takes the next line of a follower; false when it was given before. */
  isNew(line: LogLine): boolean {
    const time = this.#nanoseconds(line);
    this.#first ??= time;
    let times = this.#streams.get(line.stream);
    if (times === undefined) {
      times = new GivenTimes();
      this.#streams.set(line.stream, times);
    }
    return times.take(time, endsLine(line));
  }

  /**
   * For what is read once more after the follower, beginning before its last line: whether it gave the line. Each is
   * to be asked for once, in order. What is older than what it gave was not wanted.
   */
  afterwards(): (line: LogLine) => boolean {
    const ends = new Map([...this.#streams].map(([stream, times]) => [stream, times.last()]));
    return (line) => {
      const time = this.#nanoseconds(line);
      const end = ends.get(line.stream);
      if (end === undefined) return time < (this.#first ?? time);
      if (time !== end.time) return time < end.time;
      end.count -= 1;
      return end.count >= 0;
    };
  }

  /** Since a time near the first line's: as a number, which is exact for a hundred days. */
  #nanoseconds({ timeMs, time = "" }: LogLine): number {
    this.#baseMs ??= timeMs;
    return (timeMs - this.#baseMs) * 1e6 + Number(time.slice(23, 29));
  }
}

/** A follower goes back by a file at most; one of 10 MB has no more lines than this. */
const rememberedLines = 1 << 18;

/** Of one stream. */
class GivenTimes {
  /** The last ones: that of the nth line is at n modulo its length, which is a power of two. */
  #times = new Float64Array(64);
  #count = 0;
  /** Whether the last line given ends with a newline: without one it goes on in a piece of the same time. */
  #ended = true;
  /** What is read again has come to this line of those that were given; undefined: nothing is. */
  #again: number | undefined;

  /** False when the line was given before. */
  take(time: number, ends: boolean): boolean {
    if (this.#again !== undefined && this.#again < this.#count && this.#at(this.#again) === time) {
      this.#again += 1;
      return false;
    }
    this.#again = undefined;
    const last = this.#count === 0 ? Number.NEGATIVE_INFINITY : this.#at(this.#count - 1);
    if (time < last || (time === last && this.#ended)) {
      const known = this.#find(time);
      if (known !== undefined) {
        this.#again = known + 1;
        return false;
      }
    }
    this.#add(time);
    this.#ended = ends;
    return true;
  }

  /** The time of the last line, and how many of the last had it. */
  last(): { time: number; count: number } {
    const time = this.#at(this.#count - 1);
    const oldest = this.#oldest();
    let from = this.#count - 1;
    while (from > oldest && this.#at(from - 1) === time) from -= 1;
    return { time, count: this.#count - from };
  }

  #find(time: number): number | undefined {
    const oldest = this.#oldest();
    for (let index = this.#count - 1; index >= oldest; index--) if (this.#at(index) === time) return index;
    return undefined;
  }

  #oldest(): number {
    return Math.max(0, this.#count - this.#times.length);
  }

  #at(index: number): number {
    return this.#times[index & (this.#times.length - 1)] as number;
  }

  #add(time: number): void {
    const { length } = this.#times;
    if (this.#count === length && length < rememberedLines) {
      const longer = new Float64Array(length * 4);
      longer.set(this.#times);
      this.#times = longer;
    }
    this.#times[this.#count & (this.#times.length - 1)] = time;
    this.#count += 1;
  }
}

function endsLine({ text }: LogLine): boolean {
  return typeof text === "string" ? text.endsWith("\n") : text.at(-1) === 0x0a;
}
