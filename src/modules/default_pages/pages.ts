/** The pages themselves: one a status, without anything from elsewhere, in light and dark. @module */

/** Statuses with a page, their titles, and what they mean for a visitor. */
const TEXTS: Readonly<Record<number, readonly [title: string, text: string]>> = {
  400: ["Bad request", "The request could not be understood."],
  401: ["Log in first", "This page needs a name and a password."],
  403: ["Forbidden", "You may not see this page."],
  404: ["Not found", "There is no such page here."],
  405: ["Not allowed", "This page does not take such requests."],
  408: ["Too slow", "The request took too long."],
  413: ["Too large", "What was sent is too large."],
  414: ["Address too long", "The address of the page is too long."],
  429: ["Too many requests", "Please wait a moment, then try again."],
  431: ["Too much in the request", "Clearing the cookies of this site may help."],
  500: ["Server error", "Something went wrong on our side."],
  502: ["No answer", "The application behind this address did not answer."],
  503: ["Not available", "This site is not available now. Please try again later."],
  504: ["No answer in time", "The application behind this address took too long."],
};

const STYLE = ":root{color-scheme:light dark}" +
  "body{font:1.1rem/1.5 system-ui,sans-serif;margin:18vh auto 0;max-width:32rem;padding:0 1.5rem}" +
  "h1{font-size:1.6rem;margin:0}p{margin:.5rem 0}small{opacity:.6}";

const encoder = new TextEncoder();
const pages: ReadonlyMap<number, Uint8Array> = new Map(
  Object.entries(TEXTS).map(([status, [title, text]]) => [
    Number(status),
    encoder.encode(
      '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">' +
        '<meta name="viewport" content="width=device-width"><meta name="robots" content="noindex">' +
        `<title>${title}</title><style>${STYLE}</style></head>\n` +
        `<body><h1>${title}</h1><p>${text}</p><small>${status}</small></body></html>\n`,
    ),
  ]),
);

/** The page for `status`. The bytes are shared. */
export function defaultPage(status: number): Uint8Array | undefined {
  return pages.get(status);
}
