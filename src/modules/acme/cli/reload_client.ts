/** The client of the certificate-reload socket (spec 05 section 6.10). @module */
import { RELOAD_COMMAND } from "../reload_socket.ts";

const MAX_ANSWER_BYTES = 4096;
/** All workers take up what is on disk meanwhile. */
const LIMIT_MS = 70_000;

/** Has the running gateway show what is on disk; returns why it does not. */
export async function askReload(path: string): Promise<string | undefined> {
  let connection: Deno.Conn | undefined;
  const timer = setTimeout(() => connection?.close(), LIMIT_MS);
  try {
    connection = await Deno.connect({ transport: "unix", path });
    await connection.write(new TextEncoder().encode(`${RELOAD_COMMAND}\n`));
    const answer = await answerOf(connection);
    return answer === "ok" ? undefined : answer === "" ? "the gateway has not answered" : answer;
  } catch (error) {
    return `the gateway cannot be asked at ${path}: ${
      error instanceof Error ? error.message : String(error)
    }`;
  } finally {
    clearTimeout(timer);
    try {
      connection?.close();
    } catch {
      // The time limit has closed it.
    }
  }
}

async function answerOf(connection: Deno.Conn): Promise<string> {
  const bytes = new Uint8Array(MAX_ANSWER_BYTES);
  let length = 0;
  while (length < bytes.length) {
    const count = await connection.read(bytes.subarray(length));
    if (count === null) break;
    length += count;
  }
  return new TextDecoder().decode(bytes.subarray(0, length)).trim();
}
