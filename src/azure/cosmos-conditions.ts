import { FALLBACK_TITLE } from '../history/document.ts';

/** The same as `isUntitled`: what that takes for none must not be a conflict here for ever. */
export const IS_UNTITLED = `(NOT IS_STRING(c.title) OR c.title = '' OR c.title = '${FALLBACK_TITLE}')`;

/** The opposite of `isDeleted`. */
export const IS_NOT_DELETED =
  "(NOT IS_DEFINED(c.deletedAt) OR c.deletedAt = null OR c.deletedAt = false OR c.deletedAt = 0 OR c.deletedAt = '')";

/** An item of the container that is no page of a conversation. */
export const IS_NO_SEGMENT = "(NOT IS_DEFINED(c.type) OR c.type != 'segment')";
