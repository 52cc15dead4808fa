/** The command palette, keys, and the page of settings. */

import type { Words } from '../en';
import { number } from './number';

export const palette: Words['palette'] = {
  title: '가거나 하기',
  start: '시작',
  placeholder: '화면, 대화, 모델, 컴퓨터 …',
  none: '그런 이름이 없습니다.',
  groups: {
    pages: '화면',
    actions: '할 일',
    conversations: '대화',
    models: '모델에게 묻기',
    computers: '컴퓨터',
  },
  pause: '이 컴퓨터에서 남의 일 멈추기',
  resume: '이 컴퓨터에서 남의 일 돕기',
  shortcuts: '단축키',
  keys: {
    palette: '어디로든 가고 무엇이든 하기',
    shortcuts: '이 단축키 보기',
    question: '새 질문',
    computers: '컴퓨터',
    jobs: '작업',
    models: '모델',
    conversations: '대화',
    settings: '설정',
    send: '질문 보내기',
    line: '질문에서 줄 바꾸기',
    close: '열린 것 닫기',
  },
};

export const settings: Words['settings'] = {
  title: '설정',
  about:
    '이 컴퓨터가 어떻게 보이고, 빌려주고, 보관하는지 봅니다. 파일에서 정하는 것은 그렇게 적었습니다.',
  looks: '모습과 언어',
  motion: '움직임',
  motionNone: '아무것도 움직이지 않습니다. 시스템이 동작 줄이기를 원합니다.',
  motionSome:
    '짧은 움직임으로 어디로 갔는지 보여 줍니다. 멈추려면 시스템에서 동작 줄이기를 켜세요.',
  computer: '이 컴퓨터',
  name: '이름',
  nameIn: '`config.toml`의 `name`에서 정하며, 다시 시작하면 다른 컴퓨터에도 보입니다.',
  person: '사람',
  nobody: '아직 없음',
  mesh: '함께하는 곳',
  noMesh: '아직 없음: 혼자 일합니다',
  members: (n) => `컴퓨터 ${number(n)}대`,
  since: '켜진 때',
  lending: '빌려주기',
  lendingMore:
    '언제, 얼마나, 무엇에 양보할지는 `config.toml`의 `lend`, `lend_memory`, `yield`에서 정합니다.',
  network: '네트워크',
  networkText:
    '이 컴퓨터의 화면과 프로그램은 이 주소를 씁니다. 다른 컴퓨터들은 따로 정해진 포트를 씁니다.',
  here: '이 화면의 주소',
  outside: '다른 컴퓨터의 프로그램용',
  outsideNone: '열지 않음: `pumasi up --http-public`으로 엽니다',
  checkUp: '네트워크 점검',
  storage: '저장 공간',
  conversations: '대화',
  conversationsAre: (n, size) => `대화 ${number(n)}개, ${size}`,
  models: '이 컴퓨터의 모델',
  modelsAre: (n, size) => `모델 ${number(n)}개, ${size}`,
  seeAll: '모두 보기',
  security: '보안',
  securityText:
    '이 화면들은 이 컴퓨터의 이 브라우저에서만 쓸 수 있습니다. 다른 곳의 프로그램에는 키가 필요합니다.',
  seeKeys: '접근 키',
  seeRecord: '누가 무엇을 했는지 기록',
  seeInvitations: '초대장',
  logs: '로그',
  logsText:
    '`pumasi up`은 시작한 곳에 로그를 씁니다. `--log debug`는 더 자세하고, `--log-format json`은 프로그램용입니다. 묻고 답한 내용은 어디에도 없습니다.',
  errors: '시작한 뒤 알린 오류',
  noErrors: '없음',
  version: '버전',
  licences: '이 화면을 이루는 것들의 라이선스',
  fonts: '글꼴의 라이선스',
  about2: '품앗이에 대하여',
  keys: '이 화면의 단축키: `?`를 누르세요',
};
