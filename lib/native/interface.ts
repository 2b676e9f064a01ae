// Names the interface between the addon and these files: a binary that was compiled for another one is refused when it is loaded.

/**
 * A hash of the declarations in this folder: functions, their arguments, numbers of fields. The same as in src/addon/interface.h;
 * test/js/native/interface.test.ts says when both change.
 */
export const addonInterface = 'f2174cbf';
