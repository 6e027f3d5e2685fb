import type { NamedImage, SourceKind } from "../image.ts";

/** Something may have happened to the images of a key: a name, an id. Without a key: to any. */
export interface ImageHint {
  key?: string;
}

export interface EngineWatch {
  close(): Promise<void>;
}

export interface EngineHandlers {
  /** Hints come from now on; those that were given while nobody listened are lost. Called again after a break. */
  onConnected(): void;
  onHint(hint: ImageHint): void;
  /** The connection is gone; it is tried again by the engine. */
  onLost(error: unknown): void;
}

/** What knows images: a container engine on its socket, or registries. */
export interface ImageEngine {
  readonly kind: SourceKind;
  /** All images that have a name. Throws when it cannot be asked. */
  list(signal: AbortSignal): Promise<NamedImage[]>;
  /** What a hint's key is about; empty when it is not there. Throws when it cannot be asked. */
  find(key: string, signal: AbortSignal): Promise<NamedImage[]>;
  watch(handlers: EngineHandlers): EngineWatch;
  close(): void;
}
