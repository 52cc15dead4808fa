/** Files that wait to go with the next question. */

import type { ConversationFile } from '$lib/api/types';
import { fits, readText, type Refused } from '$lib/chat/files';

export interface Refusal {
  name: string;
  why: Refused;
}

export class Attaching {
  files = $state.raw<ConversationFile[]>([]);
  refused = $state.raw<Refusal[]>([]);

  async add(files: Iterable<File>): Promise<void> {
    this.refused = [];
    // A field that is emptied takes its list along.
    for (const file of [...files]) {
      const why = await this.#add(file);
      if (why) this.refused = [...this.refused, { name: file.name, why }];
    }
  }

  drop(file: ConversationFile): void {
    this.files = this.files.filter((other) => other !== file);
  }

  /** Gives the files to the question that is asked. */
  take(): ConversationFile[] {
    const taken = this.files;
    [this.files, this.refused] = [[], []];
    return taken;
  }

  async #add(file: File): Promise<Refused | null> {
    const read = readText(file, await file.arrayBuffer());
    if (typeof read === 'string') return read;
    const why = fits(this.files, read);
    if (!why) this.files = [...this.files, read];
    return why;
  }
}
