import js from '@eslint/js';
import svelte from 'eslint-plugin-svelte';
import globals from 'globals';
import ts from 'typescript-eslint';
import svelteConfig from './svelte.config.js';

export default ts.config(
  { ignores: ['dist/', 'src/lib/api/generated/'] },
  js.configs.recommended,
  ...ts.configs.strict,
  ...svelte.configs.recommended,
  {
    languageOptions: { globals: { ...globals.browser, ...globals.node } },
    rules: {
      'max-lines': ['error', { max: 200, skipBlankLines: true, skipComments: true }],
      'max-lines-per-function': ['error', { max: 70, skipBlankLines: true, skipComments: true }],
      'no-console': 'error',
      eqeqeq: 'error',
    },
  },
  {
    files: ['**/*.svelte', '**/*.svelte.ts'],
    languageOptions: {
      parserOptions: { parser: ts.parser, extraFileExtensions: ['.svelte'], svelteConfig },
    },
    // Our router navigates with plain links; there is no SvelteKit to resolve them.
    rules: {
      'svelte/no-navigation-without-resolve': 'off',
      // A plain map is one from which nothing is drawn.
      'svelte/prefer-svelte-reactivity': 'off',
    },
  },
  { files: ['e2e/**', 'dev/**'], rules: { 'no-console': 'off' } },
  // A language is one file, however much there is to say.
  {
    files: ['src/lib/i18n/{en,ko}.ts', 'src/lib/i18n/{en,ko}/*.ts'],
    rules: { 'max-lines': 'off' },
  },
  { files: ['**/*.test.ts'], rules: { 'max-lines-per-function': 'off' } },
);
