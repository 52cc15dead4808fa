/** Server-sent events out of text that arrives in any pieces. Pure; see the HTML standard §9.2.6. */

export class EventLines {
  #rest = '';
  #data: string[] = [];
  #remarks: string[] = [];

  /** Takes the next piece and gives the data of every event that is complete. */
  push(piece: string): string[] {
    const lines = (this.#rest + piece).split(/\r\n|\n|\r(?!$)/);
    this.#rest = lines.pop() ?? '';
    return lines.flatMap((line) => this.#line(line));
  }

  /** The comments since the last time: the node says in them what other programs need not know. */
  remarks(): string[] {
    return this.#remarks.splice(0);
  }

  #line(line: string): string[] {
    if (line === '') {
      const data = this.#data.splice(0);
      return data.length ? [data.join('\n')] : [];
    }
    if (line.startsWith(':')) this.#remarks.push(line.slice(1).trim());
    if (line === 'data') this.#data.push('');
    if (line.startsWith('data:')) this.#data.push(line.slice(line[5] === ' ' ? 6 : 5));
    return [];
  }
}
