// The job of the Lambda that tintype replaces, as an HTTP server of Node.js: sharp (libvips), with its
// defaults, turns a base64 JPEG or PNG into a gray PNG of 720 pixels' width. Original and result are stored
// as durably as tintype does it. Each worker of a cluster decodes one picture at a time, while it reads,
// writes and answers others.
//
// The record goes to a file that is appended to and synced, which is a little less work than a transaction,
// because Node.js has no SQLite before version 22.
//
// The environment names the folder of files and records (SHARP_APP_DIR), the port (SHARP_APP_PORT) and the
// number of workers (SHARP_APP_WORKERS).

import cluster from "node:cluster";
import { randomUUID } from "node:crypto";
import { mkdir, open, rename } from "node:fs/promises";
import { createServer } from "node:http";
import { join } from "node:path";
import sharp from "sharp";

const FOLDER = process.env.SHARP_APP_DIR;
const WIDTH = 720;

async function writeDurably(name, data) {
    const path = join(FOLDER, name);
    const file = await open(`${path}.tmp`, "w");
    await file.writeFile(data);
    await file.sync();
    await file.close();
    await rename(`${path}.tmp`, path);
}

async function syncFolder() {
    const folder = await open(FOLDER);
    await folder.sync();
    await folder.close();
}

function render(data, grayscale) {
    const resized = sharp(data).autoOrient().resize({ width: WIDTH, withoutEnlargement: true });
    // Without toColourspace the gray comes as three equal channels, which takes longer to encode.
    return (grayscale ? resized.grayscale().toColourspace("b-w") : resized).png().toBuffer();
}

let last = Promise.resolve();

// A worker decodes one picture at a time, so each waits for the one before.
function renderInTurn(data, grayscale) {
    const rendering = last.then(() => render(data, grayscale));
    last = rendering.catch(() => {});
    return rendering;
}

async function store(body, grayscale, journal) {
    const original = Buffer.from(body.toString("latin1"), "base64");
    const result = await renderInTurn(original, grayscale);
    const name = randomUUID();
    await Promise.all([writeDurably(`${name}.original`, original), writeDurably(`${name}.png`, result)]);
    await syncFolder();
    await journal.appendFile(`${JSON.stringify({ id: name, size: result.length, width: WIDTH })}\n`);
    await journal.datasync();
    return { message: `Image processed: processed/${name}.png` };
}

async function body(request) {
    const pieces = [];
    for await (const piece of request) pieces.push(piece);
    return Buffer.concat(pieces);
}

async function serve() {
    sharp.concurrency(1); // Each picture has one thread, as several pictures at once keep the cores busy.
    const journal = await open(join(FOLDER, "journal"), "a");
    const server = createServer(async (request, response) => {
        let status = 200;
        let answer = {};
        try {
            const grayscale = !request.url.endsWith("grayscale=false");
            if (request.method === "POST") answer = await store(await body(request), grayscale, journal);
        } catch (error) {
            status = 500;
            answer = { message: String(error) };
        }
        const text = JSON.stringify(answer);
        response.writeHead(status, { "Content-Type": "application/json", "Content-Length": Buffer.byteLength(text) });
        response.end(text);
    });
    server.listen(Number(process.env.SHARP_APP_PORT), "127.0.0.1");
}

if (cluster.isPrimary) {
    await mkdir(FOLDER, { recursive: true });
    for (let i = 0; i < Number(process.env.SHARP_APP_WORKERS); i++) cluster.fork();
    process.on("SIGTERM", () => process.exit(0)); // Workers end with their primary.
} else {
    await serve();
}
