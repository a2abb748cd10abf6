/** As sysexits.h has it (EX_CONFIG). */
export const EXIT_CONFIGURATION = 78;
