import { attachmentKindOf, PDF_TYPE, TEXT_TYPE } from '../domain/attachment.ts';

/** What the detection of a media type reads from the beginning of a file. */
export const SAMPLE_BYTES = 4100;

/** The type of a file without a known signature that is not text. */
const UNKNOWN_TYPE = 'application/octet-stream';

/** Loaded with the first upload: most servers receive none. */
const fileType = () => import('file-type');

/** Detects the media type from the content alone. @param isText whether the whole file is UTF-8 without control characters */
export async function detectMediaType(sample: Uint8Array, isText: boolean): Promise<string> {
  const { fileTypeFromBuffer } = await fileType();
  const detected = (await fileTypeFromBuffer(sample).catch(() => undefined))?.mime;
  // HTML, SVG, source code and data formats are text for a model. Only signatures of images and PDF outweigh that.
  if (detected !== undefined && (detected === PDF_TYPE || attachmentKindOf(detected) === 'image')) return detected;
  return isText ? TEXT_TYPE : (detected ?? UNKNOWN_TYPE);
}

/** Recognises text in pieces. */
export interface TextCheck {
  add(piece: Uint8Array): void;
  /** Whether all pieces together are text. */
  end(): boolean;
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is searched for.
const controlCharacters = /[\0-\x08\x0e-\x1a\x1c-\x1f]/;

export function createTextCheck(): TextCheck {
  const decoder = new TextDecoder('utf-8', { fatal: true });
  let isText = true;
  const decode = (piece: Uint8Array | undefined) => {
    if (!isText) return;
    try {
      isText = !controlCharacters.test(decoder.decode(piece, { stream: piece !== undefined }));
    } catch {
      isText = false;
    }
  };
  return {
    add: decode,
    end() {
      decode(undefined);
      return isText;
    },
  };
}
