/** Models. */

import { count } from '../plural';

export const models = {
  title: 'Models',
  about: 'What the computers here can run. Every one of them can use each model, wherever it is.',
  none: 'No model here yet',
  noneNext: 'Get one from the hub, or import a file with `pumasi models import`.',
  size: 'Size',
  context: 'Holds',
  contextMeans: 'How much of a conversation the model keeps in mind: question and answer together.',
  rateMeans: 'How fast one answer is written there.',
  tokens: (n: string) => `${n} tokens`,
  ask: 'Ask it',
  where: (n: number, awake: number) => `On ${count(n, 'computer', 'computers')}, awake on ${awake}`,
  can: {
    generate: 'answers',
    embed: 'compares texts',
    tools: 'uses tools',
    thinking: 'thinks first',
    vision: 'sees pictures',
    image: 'makes pictures',
  },
  elsewhere: (n: number) => count(n, 'model', 'models'),
  names: (n: number) => count(n, 'name', 'names'),
  load: 'Wake',
  unload: 'Let rest',
  places: {
    held: 'at rest',
    loading: (percent: string) => `waking, ${percent}`,
    loaded: 'awake',
    busy: (busy: number, slots: number) => `awake, ${busy} of ${slots} seats taken`,
    unusable: 'cannot be used: the file is damaged or not for this computer',
  },
} as const;
