import type { Transport, TransportRequest, TransportResponse } from "@podwright/client";

/** A transport that knows when nothing is under way: so that a test may wait for what a clock's step has brought about. */
export class BusyTransport implements Transport {
  readonly #transport: Transport;
  #underWay = 0;

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  async request(request: TransportRequest): Promise<TransportResponse> {
    this.#underWay++;
    let response: TransportResponse;
    try {
      response = await this.#transport.request(request);
    } catch (error) {
      this.#underWay--;
      throw error;
    }
    const read = <T>(body: Promise<T>): Promise<T> => body.finally(() => this.#underWay--);
    return {
      status: response.status,
      headers: response.headers,
      json: () => read(response.json()),
      text: () => read(response.text()),
      chunks: () => response.chunks(),
      events: () => response.events(),
    };
  }

  /** Resolves when no answer is waited for, nor asked for by what came of the last one. */
  async idle(): Promise<void> {
    for (let quietTurns = 0; quietTurns < 3; ) {
      await new Promise((resolve) => setTimeout(resolve, 1));
      quietTurns = this.#underWay === 0 ? quietTurns + 1 : 0;
    }
  }

  close(): Promise<void> {
    return this.#transport.close();
  }
}
