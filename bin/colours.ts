import pc from 'picocolors';

// picocolors alone would colour what goes into a file or a pipe wherever CI is set.
const onTerminal = (stream: NodeJS.WriteStream) => pc.createColors(pc.isColorSupported && stream.isTTY === true);

/** Colours for what goes to stdout: only if that is a terminal, and NO_COLOR is not set. */
export const colours = onTerminal(process.stdout);
/** The same for stderr. */
export const errorColours = onTerminal(process.stderr);
