// Reports how much of a file has been read to one listener, whatever opens the file.

export interface ReadWatch {
  /** @param bytes number of bytes of the file on disk read so far; fewer than before if it is read again */
  read(path: string, bytes: number): void;
  /** No more is read of the file. */
  done(): void;
}

let watch: ReadWatch | undefined;

/** Sets the listener of this thread, for files that are opened from now on. */
export function watchReads(listener: ReadWatch | undefined): void {
  watch = listener;
}

export const readWatch = (): ReadWatch | undefined => watch;
