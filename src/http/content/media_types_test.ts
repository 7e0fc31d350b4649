import assert from "node:assert/strict";
import { mediaType } from "./media_types.ts";

Deno.test("media types: what a web site is made of", () => {
  const known = {
    "index.html": "text/html",
    "style.css": "text/css",
    "app.js": "text/javascript",
    "module.mjs": "text/javascript",
    "data.json": "application/json",
    "app.js.map": "application/json",
    "logo.svg": "image/svg+xml",
    "photo.jpg": "image/jpeg",
    "photo.avif": "image/avif",
    "icon.png": "image/png",
    "favicon.ico": "image/x-icon",
    "font.woff2": "font/woff2",
    "film.mp4": "video/mp4",
    "song.mp3": "audio/mpeg",
    "feed.xml": "application/xml",
    "notes.txt": "text/plain",
    "paper.pdf": "application/pdf",
    "site.webmanifest": "application/manifest+json",
    "code.wasm": "application/wasm",
    "backup.zip": "application/zip",
    "setup.exe": "application/octet-stream",
  };
  for (const [name, type] of Object.entries(known)) assert.equal(mediaType(name), type, name);
});

Deno.test("media types: the extension is what follows the last dot of the last segment", () => {
  assert.equal(mediaType("/a.css/b.html"), "text/html");
  assert.equal(mediaType("archive.tar.gz"), "application/gzip");
});

Deno.test("media types: case does not matter", () => {
  assert.equal(mediaType("INDEX.HTML"), "text/html");
});

Deno.test("media types: no extension or an unknown one is a stream of bytes", () => {
  for (const name of ["", "LICENSE", "a.unheardof", "trailing.", ".html", "/a.css/", "/a.css/b"]) {
    assert.equal(mediaType(name), "application/octet-stream", name);
  }
});
