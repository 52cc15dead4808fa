/** Which place is asked first. */

export const routing = {
  title: 'Who is asked',
  policy: 'When a model is both in the office and at a provider',
  policies: {
    mesh_first: 'The office first',
    cloud_first: 'Providers first',
    cloud_when_full: 'Providers while the office is full',
    never_cloud: 'Nothing leaves the office',
  },
  means: {
    mesh_first: 'A computer of the office answers; a provider is asked only where that fails.',
    cloud_first:
      'A provider answers, which costs money; a computer of the office takes over where it fails.',
    cloud_when_full:
      'A computer of the office answers; a provider is asked while the wait there is too long.',
    never_cloud:
      'No provider outside the office is asked, also for its own models: those are not offered.',
  },
  full: 'Too long is a wait of more than',
  seconds: 'seconds',
  standIn: 'Models that stand in',
  standInMeans:
    'When a provider fails, or may not be asked, the first of these that the office has answers instead.',
  noStandIn: 'Nobody stands in: when a provider fails, the question fails.',
  absent: 'not in the office now',
  add: 'Add a model',
  up: (name: string) => `Put ${name} further up`,
  down: (name: string) => `Put ${name} further down`,
  drop: (name: string) => `Take ${name} out`,
  aliases: 'Names that stand for models',
  aliasesMean:
    'Programs ask for the name; the first of its models that can answer does. So a model can change without the programs.',
  aliasNone: 'No such name yet.',
  aliasAdd: 'Add a name',
  aliasChange: (name: string) => `Change ${name}`,
  aliasRemove: (name: string) => `Remove ${name}`,
  aliasName: 'Name',
  aliasTaken: 'This name is taken: its models are replaced.',
  aliasModel: 'A model has this name: whoever asks for it gets what you choose here.',
  aliasChain: 'Stands for, in this order',
  aliasEmpty: 'Choose at least one model.',
  aliasSave: 'Keep the name',
  most: (n: number) => `No more than ${n}.`,
  tries: {
    title: 'When a provider fails',
    means:
      'First every other place is asked. Where none is left, the question is put once more to one that is only busy for a moment, before anything of the answer has come.',
    retries: 'Times that a question is put once more',
    wait_ms: 'Seconds to wait for that, all in all',
    retry_percent: 'Share of a provider’s questions, in percent',
    retry_burst: 'And so many a minute besides',
    late: 'When a provider is late',
    hedge: 'Ask a second provider as well',
    hedgeMeans: 'Whoever begins first answers; the other is stopped.',
    hedge_after_ms: 'Seconds without a first word',
    paid: 'Also where one of the two is outside the office',
    paidMeans: 'Both see the question then, and both may charge for it.',
  },
  findLocal: 'Find model servers of this computer by themselves',
  findLocalMeans:
    'Ollama, LM Studio, vLLM and llama.cpp are looked for at their usual ports of this computer, without a key.',
  rehearsal: 'Pretend that the clouds are down',
  rehearsalMeans:
    'A rehearsal: nobody outside the office is asked until you switch it off, and you see what that would mean.',
  rehearsing: 'Rehearsal: providers outside the office count as down.',
  endRehearsal: 'End the rehearsal',
  failing: {
    none: 'Nothing would fail: no provider outside the office is set up.',
    stoodIn: (name: string) => `Nothing would fail: ${name} stands in.`,
    some: (n: number) =>
      n === 1 ? 'Questions to 1 model would fail:' : `Questions to ${n} models would fail:`,
    next: 'Choose a model that stands in, and they are answered.',
  },
  failingNow: {
    none: 'Nothing fails: no provider outside the office is set up.',
    stoodIn: (name: string) => `Nothing fails: ${name} stands in.`,
    some: (n: number) =>
      n === 1 ? 'Questions to 1 model fail:' : `Questions to ${n} models fail:`,
  },
  andMore: (n: number) => `and ${n} more`,
} as const;
