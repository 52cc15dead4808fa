/** Jobs, and why one ran where it did. */

import type { Words } from '../en';
import { number } from './number';

export const jobs: Words['jobs'] = {
  title: '작업',
  about: '사무실에 맡겨진 일과 누가 도왔는지, 왜 그곳이었는지 보여 줍니다.',
  shown: '보여 줄 작업',
  filters: { all: '모두', live: '하는 중', done: '끝남', failed: '못 끝냄' },
  none: '아직 작업이 없습니다',
  noneNext: '사람이든 프로그램이든 여기에 맡긴 일은 까닭과 함께 이 목록에 나타납니다.',
  noneShown: '이 조건에 맞는 작업이 없습니다.',
  detail: '작업',
  gone: '이 작업은 이제 목록에 없습니다',
  goneNext: '이 화면이 기억하는 것보다 오래되었거나 다른 사람의 작업입니다.',
  why: '왜 여기서?',
  cancel: '작업 취소',
  result: '결과',
  fetching: '결과를 가져오는 중 …',
  notKept: '답은 물어본 쪽으로 갔고 따로 보관하지 않았습니다.',
  noText: '결과가 숫자입니다. 프로그램은 `pumasi get`으로 가져갑니다.',
  spans: { wait: '기다림', read: '읽기', write: '쓰기' },
  facts: {
    helper: '도와준 컴퓨터',
    owner: '맡긴 곳',
    ownerAway: '지금 연결되지 않음: 마지막으로 알려 준 상태입니다',
    accepted: '맡긴 때',
    took: '걸린 시간',
    attempts: '시도',
    attempted: (n) => `${n}번, 다른 컴퓨터로 옮겨 갔음`,
    tokens: '토큰',
    counts: (prompt, cached, answer) =>
      `${number(prompt)}개 읽음 (기억에서 ${number(cached)}개), ${number(answer)}개 씀`,
    id: '작업 ID',
  },
  kinds: {
    chat: '질문',
    completion: '글 잇기',
    embedding: '임베딩',
    image: '그림',
    document: '문서',
  },
  states: {
    waiting: '기다리는 중',
    bound: '자리 정해짐',
    running: '실행 중',
    completed: '끝남',
    failed: '실패',
    cancelled: '취소됨',
  },
  phases: {
    queued: '차례를 기다리는 중',
    load: '모델을 불러오는 중',
    prefill: '읽는 중',
    decode: '쓰는 중',
    paused: '그 컴퓨터 주인이 쓰는 동안 멈춤',
  },
};

export const why: Words['why'] = {
  asking: '까닭을 알아보는 중 …',
  soonest: (name, time, next, later) =>
    `${name}에서 ${time} 만에 끝날 것으로 보여, ${next}보다 ${later} 빠릅니다.`,
  free: (name, time) =>
    `${name}이(가) 가장 먼저 시작할 수 있었고, ${time} 만에 끝날 것으로 보였습니다.`,
  unasked: (name, time) =>
    `${name}에서 ${time} 만에 끝날 것으로 보여, 다른 곳에는 묻지 않았습니다.`,
  onlyOne: (name, time) => `할 수 있는 곳이 ${name}뿐이었고, 약 ${time} 걸릴 것으로 보였습니다.`,
  round: (n) => `${n}번째 배정`,
  others: '대신 할 수 있었던 컴퓨터',
  ruledOut: (n) => `할 수 없었던 컴퓨터 ${number(n)}대`,
  outcomes: {
    chosen: '맡음',
    outbid: '제안했음',
    not_asked: '묻지 않음',
    silent: '제때 대답하지 않음',
    excluded: '할 수 없음',
    refused: '거절함',
    failed: '해 보았으나 실패',
  },
  terms: {
    wait: '차례 기다리기',
    load: '모델 불러오기',
    prefill: '질문 읽기',
    cached: '이미 읽은 부분',
    decode: '답 쓰기',
    network: '오가는 길',
    penalty: '최근 실패',
  },
};
