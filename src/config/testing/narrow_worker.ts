/** Checks the paths it is sent with whatever permissions it was given. @module */
import { pathProblem } from "../read/paths.ts";

/** What a worker's global scope has that a page's has not. */
interface WorkerScope {
  onmessage: ((event: MessageEvent<string>) => void) | null;
  postMessage(message: string): void;
}

declare const self: WorkerScope;

self.onmessage = ({ data }) => {
  const problem = pathProblem(data, { trustedParent: true, process: false });
  self.postMessage(problem?.message ?? "fine");
};
