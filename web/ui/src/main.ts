import './styles/base.css';
import { mount } from 'svelte';
import App from './App.svelte';

const target = document.getElementById('app');
if (target) mount(App, { target });

// Only what was built has a shell to keep.
if (import.meta.env.PROD && 'serviceWorker' in navigator) {
  addEventListener('load', () => {
    // A browser that keeps nothing shows the pages all the same.
    navigator.serviceWorker.register('/sw.js').catch(() => undefined);
  });
}
