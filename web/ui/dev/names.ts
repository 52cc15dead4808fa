/** Development only: names and hardware for the mock mesh. */

export const computers = [
  '창가 자리',
  'Window desk',
  '회의실 뒤편 왼쪽에서 두 번째 그래픽 작업용 데스크톱 컴퓨터 (공용)',
  'Accounting',
  '디자인실 워크스테이션',
  'Reception',
  'Lab bench A',
  '서버실 랙 2',
];

export const people = ['민지', 'Ada', '준호', 'Lin', '서연', 'Noor', null];

export const devices = [
  { name: 'NVIDIA GeForce RTX 4090', backend: 'CUDA', kind: 'gpu', memory: 24 },
  { name: 'NVIDIA GeForce RTX 3060', backend: 'CUDA', kind: 'gpu', memory: 12 },
  { name: 'AMD Radeon RX 7900 XTX', backend: 'Vulkan', kind: 'gpu', memory: 24 },
  { name: 'Apple M4 Max', backend: 'Metal', kind: 'integrated_gpu', memory: 64 },
  { name: 'Intel Core i5-8400', backend: 'CPU', kind: 'cpu', memory: 16 },
] as const;

export const platforms = ['Linux 6.12, x86-64', 'Windows 11, x86-64', 'macOS 26, arm64'];

const GB = 1024 ** 3;

export const catalogue = [
  { name: 'starter', size: 0.44 / 1024, context: 1_024, starter: true, rate: 1_900 },
  { name: 'qwen3-14b-q4_k_m', size: 9, context: 40_960, starter: false, rate: 52 },
  { name: 'gemma-3-27b-it-q4_k_m', size: 16.5, context: 131_072, starter: false, rate: 31 },
  { name: 'exaone-4.0-1.2b-q8_0', size: 1.3, context: 65_536, starter: false, rate: 140 },
  { name: 'bge-m3-f16', size: 1.1, context: 8_192, starter: false, rate: 0 },
].map((model) => ({ ...model, size: Math.round(model.size * GB) }));

export type Catalogued = (typeof catalogue)[number];
