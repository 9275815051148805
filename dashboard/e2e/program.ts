// The built program on free ports, with a fresh data folder, ended with the test.
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

export interface Program {
  api: string;
  redirect: string;
  stop: () => Promise<void>;
}

const READY_WITHIN = 30_000;

export async function startProgram(
  args: readonly string[] = ["serve"],
  settings: Record<string, string> = {},
): Promise<Program & { output: () => string }> {
  const binary = process.env["LINKLOGGER"];
  if (!binary) throw new Error("LINKLOGGER must name the built program; `make browser-test` sets it");
  const folder = mkdtempSync(join(tmpdir(), "linklogger-"));
  const [api, redirect, ops] = await Promise.all([freePort(), freePort(), freePort()]);
  const child = spawn(binary, args, {
    cwd: folder,
    env: {
      LINKLOGGER_DATA_DIR: folder,
      LINKLOGGER_API_LISTEN: `127.0.0.1:${api}`,
      LINKLOGGER_REDIRECT_LISTEN: `127.0.0.1:${redirect}`,
      LINKLOGGER_OPS_LISTEN: `127.0.0.1:${ops}`,
      // Tests say where their visitors are.
      LINKLOGGER_TRUSTED_PROXIES: "127.0.0.1/32",
      LINKLOGGER_GEOIP_DB: process.env["LINKLOGGER_GEOIP_DB"] ?? "",
      ...settings,
    },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let output = "";
  child.stdout.on("data", (chunk) => {
    output += chunk;
  });
  child.stderr.on("data", (chunk) => {
    output += chunk;
  });
  await until(READY_WITHIN, `the program is ready:\n${output}`, async () => {
    if (child.exitCode !== null) throw new Error(`the program ended with ${child.exitCode}:\n${output}`);
    const answer = await fetch(`http://127.0.0.1:${ops}/readyz`).catch(() => undefined);
    return answer?.ok === true;
  });
  return {
    api: `http://127.0.0.1:${api}`,
    redirect: `http://127.0.0.1:${redirect}`,
    output: () => output,
    async stop() {
      await end(child);
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null) return Promise.resolve();
  return new Promise((resolve) => {
    child.once("exit", () => resolve());
    child.kill("SIGKILL");
  });
}

/** Asks until the answer is yes. */
export async function until(millis: number, what: string, ask: () => Promise<boolean>): Promise<void> {
  const deadline = Date.now() + millis;
  while (!(await ask())) {
    if (Date.now() > deadline) throw new Error(`not in ${millis} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      server.close(() =>
        typeof address === "object" && address ? resolve(address.port) : reject(new Error("no port")),
      );
    });
  });
}
