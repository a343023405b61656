// Formulas as JSON on standard input -> their HTML as JSON on standard output.
// A formula that cannot be set stops everything, and its text is in the message.
const katex = require(require.resolve("katex", { paths: [process.argv[2]] }));
const { readFileSync } = require("fs");

const set = ({ tex, display }) =>
  katex.renderToString(tex, { displayMode: display, output: "htmlAndMathml", strict: "error" });

process.stdout.write(JSON.stringify(JSON.parse(readFileSync(0, "utf8")).map(set)));
