import type { OpenLink } from './link.ts';

/** A kind of link whose code is loaded when it is opened: most pages never need the fallback. */
export function laterLink(load: () => Promise<OpenLink>): OpenLink {
  return (options) => {
    let isAborted = false;
    let abort = () => {};
    const open = async () => {
      const openLink = await load();
      const opening = openLink(options);
      abort = opening.abort;
      if (isAborted) abort();
      return opening.opened;
    };
    return {
      opened: open(),
      abort() {
        isAborted = true;
        abort();
      },
    };
  };
}
