// A server and its clients, a worker thread, a program, timers, files.
const http = require("http"), os = require("os"), fs = require("fs"), cp = require("child_process");
const { Worker } = require("worker_threads");

async function fetch(url) {
  return new Promise((done, fail) =>
    http.get(url, (answer) => {
      let body = "";
      answer.on("data", (part) => (body += part)).on("end", () => done(body));
    }).on("error", fail));
}

async function main() {
  const server = http.createServer((request, answer) => answer.end("hello " + request.url));
  await new Promise((done) => server.listen(0, done));
  const base = `http://localhost:${server.address().port}/`;
  const answers = await Promise.all([...Array(100).keys()].map((n) => fetch(base + n)));
  console.log(answers.length, answers[99]);
  server.close();
  const worker = new Worker('require("worker_threads").parentPort.postMessage(6 * 7)', { eval: true });
  console.log("worker", await new Promise((done) => worker.on("message", done)));
  console.log("program", cp.execFileSync("echo", ["sub"], { encoding: "utf8" }).trim());
  await new Promise((done) => setTimeout(done, 20));
  const text = await fs.promises.readFile("/etc/passwd", "utf8");
  console.log("file", text.startsWith("root:"));
  console.log("processors", os.cpus().length);
}

main();
