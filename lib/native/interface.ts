// The version of the interface between the addon and these files: loading a binary compiled for another
// version is an error.

/**
 * A hash of the declarations in this folder: functions, their arguments, numbers of fields. Must equal the
 * value in src/addon/interface.h; test/js/native/interface.test.ts fails when both have to change.
 */
export const addonInterface = 'f2174cbf';
