// A cable between the browser and the API that can be pulled: what is open breaks, nothing new gets
// through until it is back.
import { connect, createServer, type Server, type Socket } from "node:net";

export class Cable {
  private readonly open = new Set<Socket>();
  private pulled = false;
  private readonly server: Server;

  constructor(target: string) {
    const { hostname, port } = new URL(target);
    this.server = createServer((near) => {
      if (this.pulled) return void near.destroy();
      const far = connect(Number(port), hostname);
      for (const [one, other] of [
        [near, far],
        [far, near],
      ] as const) {
        this.open.add(one);
        one.on("error", () => undefined);
        one.on("close", () => {
          this.open.delete(one);
          other.destroy();
        });
        one.pipe(other);
      }
    });
  }

  listen(): Promise<string> {
    return new Promise((resolve, reject) => {
      this.server.listen(0, "127.0.0.1", () => {
        const address = this.server.address();
        if (typeof address !== "object" || !address) return reject(new Error("no address"));
        resolve(`http://127.0.0.1:${address.port}`);
      });
    });
  }

  pull(): void {
    this.pulled = true;
    for (const socket of this.open) socket.destroy();
  }

  plug(): void {
    this.pulled = false;
  }

  close(): void {
    this.pull();
    this.server.close();
  }
}
