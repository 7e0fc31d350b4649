/** Waiting that has an end. @module */

/** Whether `job` ends, however it does, before `ms` milliseconds are over. */
export async function within(ms: number, job: Promise<unknown>): Promise<boolean> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<boolean>((resolve) => {
    timer = setTimeout(() => resolve(false), ms);
  });
  try {
    return await Promise.race([job.then(() => true, () => true), late]);
  } finally {
    clearTimeout(timer);
  }
}
