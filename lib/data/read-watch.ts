// Who is told how much of a file has been read: one listener, whatever opens the file.

export interface ReadWatch {
  /** @param bytes of the file as it lies on disk, so far; fewer than before where it is read once more */
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
