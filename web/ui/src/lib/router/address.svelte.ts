/** The address bar as state: `address.path` and `address.query` follow every navigation. */

class Address {
  path = $state(location.pathname);
  query = $state(new URLSearchParams(location.search));

  /** Takes over what the browser's bar says. */
  sync(): void {
    this.path = location.pathname;
    this.query = new URLSearchParams(location.search);
  }

  go(to: string, { replace = false } = {}): void {
    if (replace) history.replaceState(null, '', to);
    else history.pushState(null, '', to);
    const moved = location.pathname !== this.path;
    this.sync();
    if (moved) scrollTo(0, 0);
  }

  /** The same page with one part of the query changed; an empty value removes it. */
  with(key: string, value: string): string {
    const others = [...this.query].filter(([name]) => name !== key);
    const text = new URLSearchParams(value ? [...others, [key, value]] : others).toString();
    return text ? `${this.path}?${text}` : this.path;
  }
}

export const address = new Address();
