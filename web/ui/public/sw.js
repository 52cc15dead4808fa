// Keeps the shell of the pages, so that they open while the node is down and say so. Answers of the
// node are never kept: what is under /api and /v1 does not pass here.
const CACHE = 'pumasi-shell-1';
const FIRST = ['/', '/theme.js', '/persimmon.svg', '/manifest.webmanifest'];
/** Files that are kept at most; the oldest go. */
const MOST = 400;

self.addEventListener('install', (event) => {
  event.waitUntil(
    caches
      .open(CACHE)
      .then((cache) => cache.addAll(FIRST))
      .then(() => self.skipWaiting()),
  );
});

self.addEventListener('activate', (event) => {
  const others = caches
    .keys()
    .then((names) => names.filter((name) => name !== CACHE))
    .then((names) => Promise.all(names.map((name) => caches.delete(name))));
  event.waitUntil(others.then(() => self.clients.claim()));
});

async function keep(key, reply) {
  const cache = await caches.open(CACHE);
  await cache.put(key, reply);
  const kept = await cache.keys();
  const old = kept.filter(({ url }) => new URL(url).pathname.startsWith('/assets/'));
  await Promise.all(old.slice(0, Math.max(0, old.length - MOST)).map((one) => cache.delete(one)));
}

/** From the node where it answers, else what was kept. */
async function fresh(request, key) {
  try {
    const reply = await fetch(request);
    if (reply.ok) void keep(key, reply.clone());
    return reply;
  } catch (error) {
    const kept = await caches.match(key);
    if (kept) return kept;
    throw error;
  }
}

/** Names of these change with what is in them, so what was kept is right. */
async function lasting(request) {
  const kept = await caches.match(request);
  if (kept) return kept;
  const reply = await fetch(request);
  if (reply.ok) void keep(request, reply.clone());
  return reply;
}

self.addEventListener('fetch', (event) => {
  const { request } = event;
  const { origin, pathname } = new URL(request.url);
  if (request.method !== 'GET' || origin !== self.location.origin) return;
  if (request.mode === 'navigate') {
    if (!/^\/(api|v1|mcp|metrics|healthz)(\/|$)/.test(pathname) && !pathname.includes('.')) {
      event.respondWith(fresh(request, '/'));
    }
  } else if (pathname.startsWith('/assets/')) {
    event.respondWith(lasting(request));
  } else if (/^\/[\w-]+\.(js|svg|png|webmanifest)$/.test(pathname)) {
    event.respondWith(fresh(request, request));
  }
});
