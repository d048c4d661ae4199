/** Exit status 0 while an agent or a gateway answers on this host's loopback. `SUBMIRROR_HEALTH`: another URL. */
const urls = process.env.SUBMIRROR_HEALTH?.split(" ") ?? [9464, 9465].map((port) => `http://127.0.0.1:${port}/healthz`);
const asked = urls.map(async (url) => {
  const { ok } = await fetch(url, { signal: AbortSignal.timeout(4000) });
  if (!ok) throw new Error(`${url} is not well`);
});
await Promise.any(asked).catch(() => {
  process.exitCode = 1;
});
