/**
 * The order of work within one turn of the event loop.
 *
 * @module
 */

/**
 * To be awaited before a write that is not urgent: whatever else this turn has brought is worked on
 * first. One turn brings the bytes of many connections, and so all their heads are read and routed
 * before the first byte is sent, and then all is sent: program and kernel each find their code in the
 * processor's cache, where taking turns for each connection throws it out every time. It costs no object
 * and one pass of the microtask queue.
 */
export const OTHERS_FIRST: Promise<void> = Promise.resolve();
