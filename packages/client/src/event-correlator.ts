/** What an event tells, apart from when and how often. */
export interface EventFacts {
  component: string;
  host: string;
  involvedObject: {
    apiVersion: string;
    kind: string;
    namespace?: string;
    name: string;
    uid?: string;
    resourceVersion?: string;
    fieldPath?: string;
  };
  type: "Normal" | "Warning";
  reason: string;
  message: string;
}

/** One Event object: made when first seen, counted up when seen again. */
export interface EventSeries {
  facts: EventFacts;
  /** The Event's name. */
  name: string;
  count: number;
  /** Milliseconds since 1970. */
  firstSeenAt: number;
  lastSeenAt: number;
}

interface Similar {
  messages: Set<string>;
  lastSeenAt: number;
}

interface Bucket {
  tokens: number;
  filledAt: number;
}

// client-go's numbers (k8s.io/client-go/tools/record/events_cache.go).
const cacheSize = 4096;
const similarMessages = 10;
const similarWithinMs = 600_000;
const burst = 25;
const msPerToken = 300_000;

/**
 * Turns what happens into few Event objects, as client-go's EventCorrelator does: the same event again counts up;
 * from the tenth different message of the same reason within ten minutes on, they share one Event; a source that has
 * told 25 events about an object may tell one more every five minutes.
 */
export class EventCorrelator {
  readonly #series = new RecentMap<EventSeries>();
  readonly #similar = new RecentMap<Similar>();
  readonly #buckets = new RecentMap<Bucket>();
  // From a number of its own: recorders of several components may write about one object in the same microsecond.
  #made = Math.floor(Math.random() * 1_000);

  /** The series the event belongs to, already counted; undefined when it is one too many. */
  observe(given: EventFacts, now: number): EventSeries | undefined {
    const object = given.involvedObject;
    const source = [
      given.component,
      given.host,
      object.kind,
      object.namespace ?? "",
      object.name,
      object.uid ?? "",
      object.apiVersion,
      given.type,
    ].join("\n");
    let facts = given;
    let key = `${source}\n${given.reason}\n${object.fieldPath ?? ""}\n${given.message}`;

    const similarKey = `${source}\n${given.reason}`;
    let similar = this.#similar.get(similarKey);
    if (similar === undefined || now - similar.lastSeenAt > similarWithinMs) {
      similar = { messages: new Set(), lastSeenAt: now };
    }
    similar.messages.add(given.message);
    similar.lastSeenAt = now;
    this.#similar.set(similarKey, similar);
    if (similar.messages.size >= similarMessages) {
      // Any one goes, so that the set does not grow and the next different message is one too many again.
      for (const message of similar.messages) {
        similar.messages.delete(message);
        break;
      }
      key = similarKey;
      facts = { ...given, message: `(combined from similar events): ${given.message}` };
    }

    let series = this.#series.get(key);
    if (series === undefined)
      series = { facts, name: this.#nameFor(facts), count: 1, firstSeenAt: now, lastSeenAt: now };
    else {
      series.facts = facts;
      series.count++;
      series.lastSeenAt = now;
    }
    this.#series.set(key, series);
    return this.#allow(source, now) ? series : undefined;
  }

  #allow(source: string, now: number): boolean {
    const bucket = this.#buckets.get(source) ?? { tokens: burst, filledAt: now };
    bucket.tokens = Math.min(burst, bucket.tokens + (now - bucket.filledAt) / msPerToken);
    bucket.filledAt = now;
    this.#buckets.set(source, bucket);
    if (bucket.tokens < 1) return false;
    bucket.tokens--;
    return true;
  }

  // "<object>.<nanoseconds in hex>" as upstream's GenerateEventName: kubectl shows events of one second by name, and
  // so in the order they were made. The counter stands for what a clock of microseconds cannot tell.
  #nameFor(facts: EventFacts): string {
    const microseconds = Math.floor((performance.timeOrigin + performance.now()) * 1_000);
    const nanoseconds = BigInt(microseconds) * 1_000n + BigInt(this.#made++ % 1_000);
    const suffix = nanoseconds.toString(16);
    return `${facts.involvedObject.name.slice(0, 253 - suffix.length - 1)}.${suffix}`;
  }
}

/** Holds the entries used last. */
class RecentMap<V> {
  readonly #entries = new Map<string, V>();

  get(key: string): V | undefined {
    return this.#entries.get(key);
  }

  set(key: string, value: V): void {
    this.#entries.delete(key);
    this.#entries.set(key, value);
    if (this.#entries.size <= cacheSize) return;
    for (const oldest of this.#entries.keys()) {
      this.#entries.delete(oldest);
      break;
    }
  }
}
