/** The frame of every page. */

import type { Words } from '../en';
import { number } from './number';

export const nav: Words['nav'] = {
  label: '주 메뉴',
  ask: '묻기',
  mesh: '컴퓨터',
  jobs: '작업',
  models: '모델',
  manage: '관리',
  skip: '본문으로 건너뛰기',
  newQuestion: '새 질문',
  close: '닫기',
};

export const missing: Words['missing'] = {
  title: '이 주소에는 아무것도 없습니다',
  next: '주소가 잘못 적혔거나, 있던 것이 사라졌습니다.',
  home: '물어보기',
  unloaded: '이 화면을 열지 못했습니다',
  unloadedNext: '그사이 품앗이가 다시 시작되었거나 새 판으로 바뀌었을 수 있습니다.',
  reload: '다시 불러오기',
};

export const preferences: Words['preferences'] = {
  open: '테마와 언어',
  theme: '테마',
  system: '시스템 설정대로',
  light: '밝게',
  dark: '어둡게',
  glass: '유리',
  xp: '푸른 언덕',
  dancheong: '단청',
  language: '언어',
  all: '모든 설정',
};

export const connection: Words['connection'] = {
  connecting: '이 컴퓨터의 품앗이에 연결하는 중 …',
  lost: '이 컴퓨터의 품앗이와 연락이 끊겼습니다. 마지막으로 알려진 모습을 보여 드립니다.',
  retry: '지금 다시 연결',
  refused: '이 화면의 로그인이 풀렸습니다. 다시 불러와 주세요.',
  down: '이 컴퓨터에서 품앗이가 응답하지 않습니다.',
  downNext: '`pumasi up`으로 시작하면 이 화면은 저절로 돌아옵니다.',
  computers: (n) => `컴퓨터 ${number(n)}대`,
  partly: (here, all) => `컴퓨터 ${number(all)}대 중 ${number(here)}대 연결됨`,
  idle: '모두 한가함',
  running: (n) => `작업 ${number(n)}개 실행 중`,
  alone: '이 컴퓨터 혼자',
};
