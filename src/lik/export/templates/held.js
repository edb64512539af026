/* A page that is one file: what it holds is unpacked, and its modules begin.

   Bytes stand in the element #held, each as the character that it is in windows-1252; those that
   HTML would change are = and another. In #index, files are [start, length, stride]: those with a
   stride are gzipped, after bytes so far apart were put together. Modules are in an order in which
   each comes after those that it imports. Those of the worker are written into its address, for
   the worker of a file:// page can load nothing else. */
(async () => {
  const index = JSON.parse(document.getElementById("index").textContent);
  const bytes = unescaped(document.getElementById("held"));
  const texts = JSON.parse(new TextDecoder().decode(await fileOf("texts")));
  const urls = new Map();
  for (const name of index.modules) {
    const text = texts[name].replace(/"lik:([^"]+)"/g, (_, other) => JSON.stringify(urls.get(other)));
    urls.set(name, URL.createObjectURL(new Blob([text], { type: "text/javascript" })));
  }
  const whole = new Map();
  for (const name of index.worker) {
    const text = texts[name].replace(/"lik:([^"]+)"/g, (_, other) => JSON.stringify(whole.get(other)));
    whole.set(name, `data:text/javascript;charset=utf-8,${encodeURIComponent(text)}`);
  }
  document.adoptedStyleSheets = index.styles.map((name) => {
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(texts[name]);
    return sheet;
  });
  globalThis.likHeld = { addressOf, bytesOf };
  await import(urls.get(index.begin));

  function addressOf(name) {
    if (whole.has(name)) return whole.get(name);
    if (!urls.has(name)) {
      const [start, length] = index.files[name];
      const type = name.endsWith(".png") ? "image/png" : "";
      urls.set(name, URL.createObjectURL(new Blob([bytes.subarray(start, start + length)], { type })));
    }
    return urls.get(name);
  }

  async function bytesOf(name) {
    return name in texts ? new TextEncoder().encode(texts[name]) : fileOf(name);
  }

  async function fileOf(name) {
    const [start, length, stride] = index.files[name];
    const own = bytes.slice(start, start + length);
    if (!stride) return own;
    const stream = new Blob([own]).stream().pipeThrough(new DecompressionStream("gzip"));
    const apart = new Uint8Array(await new Response(stream).arrayBuffer());
    if (stride === 1) return apart;
    const found = new Uint8Array(apart.length);
    for (let first = 0, from = 0; first < stride; first++) {
      for (let to = first; to < found.length; to += stride) found[to] = apart[from++];
    }
    return found;
  }

  function unescaped(element) {
    const text = element.textContent;
    element.remove();
    const all = new TextDecoder("windows-1252").decode(Uint8Array.from({ length: 256 }, (_, i) => i));
    const byteOf = new Uint8Array(65536);
    for (let i = 0; i < 256; i++) byteOf[all.charCodeAt(i)] = i;
    const found = new Uint8Array(index.length);
    for (let i = 0, to = 0; to < found.length; i++, to++) {
      const code = text.charCodeAt(i);
      found[to] = code === 61 ? byteOf[text.charCodeAt(++i)] ^ 64 : byteOf[code];
    }
    return found;
  }
})().catch((error) => {
  const place = document.getElementById("starting");
  if (place) place.textContent = `This browser is too old for this page. ${error}`;
});
