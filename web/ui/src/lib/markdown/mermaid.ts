/** Mermaid, which only a page with a diagram loads. What it draws becomes a picture: in a picture nothing
 *  runs and nothing is fetched, whatever a model wrote into its diagram. */

import mermaid from 'mermaid';

/** Characters of one diagram, and its lines between boxes. */
const TEXT_CHARS = 20_000;
const EDGES = 300;
const FONT = 'system-ui, sans-serif';

let count = 0;
/** One after the other: drawing needs the page's own style sheets for a moment. */
let before: Promise<unknown> = Promise.resolve();

export interface Picture {
  /** A `data:` address. */
  address: string;
  width: number;
  height: number;
}

export function drawDiagram(text: string, dark: boolean): Promise<Picture> {
  const drawn = before.then(
    () => draw(text, dark),
    () => draw(text, dark),
  );
  before = drawn;
  return drawn;
}

async function draw(text: string, dark: boolean): Promise<Picture> {
  mermaid.initialize({
    startOnLoad: false,
    securityLevel: 'strict',
    theme: dark ? 'dark' : 'neutral',
    fontFamily: FONT,
    htmlLabels: false,
    flowchart: { htmlLabels: false },
    maxTextSize: TEXT_CHARS,
    maxEdges: EDGES,
    suppressErrorRendering: true,
    secure: [
      ...['secure', 'securityLevel', 'startOnLoad', 'maxTextSize', 'maxEdges', 'htmlLabels'],
      ...['suppressErrorRendering', 'flowchart', 'fontFamily', 'themeCSS', 'dompurifyConfig'],
    ],
  });
  const room = document.createElement('div');
  room.setAttribute('aria-hidden', 'true');
  room.style.cssText = 'position: absolute; left: -9999px; top: 0; width: 1000px;';
  document.body.append(room);
  const held = holdStyles();
  try {
    const { svg } = await mermaid.render(`diagram-${++count}`, text, room);
    return pictureOf(svg, held.css());
  } finally {
    held.restore();
    room.remove();
  }
}

/** The page's policy lets no style element in. While Mermaid draws, the ones that it makes are plain
 *  elements, and what they say is a sheet that scripts may add. */
function holdStyles(): { css: () => string; restore: () => void } {
  const create = document.createElement.bind(document);
  const sheets: CSSStyleSheet[] = [];
  const said: string[] = [];
  const make = (name: string, options?: ElementCreationOptions): HTMLElement => {
    if (name.toLowerCase() !== 'style') return create(name, options);
    // Not an element that would end the drawing when it is read again.
    const held = create('held-style');
    const set = (css: string): void => {
      said.push(css);
      const sheet = new CSSStyleSheet();
      sheet.replaceSync(css);
      sheets.push(sheet);
      document.adoptedStyleSheets = [...document.adoptedStyleSheets, sheet];
    };
    Object.defineProperty(held, 'innerHTML', { set, get: () => '' });
    return held;
  };
  document.createElement = make as typeof document.createElement;
  const restore = (): void => {
    document.createElement = create as typeof document.createElement;
    const others = document.adoptedStyleSheets.filter((sheet) => !sheets.includes(sheet));
    document.adoptedStyleSheets = others;
  };
  return { css: () => said.join('\n'), restore };
}

const escape = (text: string): string => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;');

/** A drawing as a picture of its own: whole XML, with nothing in it that leads elsewhere. */
export function pictureOf(markup: string, css: string): Picture {
  const page = new DOMParser().parseFromString(markup, 'text/html');
  const svg = page.querySelector('svg');
  if (!svg) throw new Error('nothing was drawn');
  for (const one of svg.querySelectorAll('script, foreignObject, image, iframe')) one.remove();
  for (const one of svg.querySelectorAll('*')) {
    for (const { name, value } of [...one.attributes]) {
      const leads = /href$/i.test(name) && !value.startsWith('#');
      if (leads || name.toLowerCase().startsWith('on')) one.removeAttribute(name);
    }
  }
  const [, , width = 0, height = 0] = (svg.getAttribute('viewBox') ?? '')
    .split(/[\s,]+/)
    .map(Number);
  svg.setAttribute('width', String(width));
  svg.setAttribute('height', String(height));
  // As text: also a page that nobody sees lets no style element in.
  const bare = new XMLSerializer().serializeToString(svg);
  const text = bare.replace(/^<svg[^>]*>/, (head) => `${head}<style>${escape(css)}</style>`);
  return { address: `data:image/svg+xml,${encodeURIComponent(text)}`, width, height };
}
