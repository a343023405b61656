// A file goes to the kernel in parts: a server closes the connection on a message that is too
// large (10 MB by default), and says nothing.
const PART = 1 << 20;

function render({ model, el }) {
  el.classList.add("mixedwidgets-upload");
  const box = document.createElement("div");
  const label = document.createElement("label");
  const words = document.createElement("span");
  const input = document.createElement("input");
  const told = document.createElement("span");
  words.textContent = model.get("description");
  input.type = "file";
  input.accept = model.get("accept");
  told.setAttribute("role", "status");
  label.append(words, input);
  box.append(label, told);
  el.append(box);

  let sending = null;

  const begin = (file) => {
    if (!file) return;
    const id = `${Date.now()}-${Math.random()}`;
    sending = { id, file };
    told.textContent = `Reading ${file.name}`;
    model.send({ kind: "begin", id, name: file.name, size: file.size });
  };

  const answer = async (message) => {
    if (!sending || message.id !== sending.id) return;
    const { id, file } = sending;
    if (message.kind === "end") {
      sending = null;
      told.textContent = "";
      input.value = ""; // so that the same file can be chosen again, when it has been mended
      return;
    }
    const { start } = message;
    if (file.size > PART)
      told.textContent = `Reading ${file.name}: ${Math.floor((100 * start) / file.size)} %`;
    try {
      const part = await file.slice(start, start + PART).arrayBuffer();
      model.send({ kind: "part", id, start }, undefined, [part]);
    } catch (error) {
      model.send({ kind: "failed", id, why: String(error) });
    }
  };

  const over = (event) => {
    event.preventDefault();
    event.stopPropagation();
    box.classList.add("over");
  };
  const leave = () => box.classList.remove("over");
  const drop = (event) => {
    event.preventDefault();
    event.stopPropagation();
    leave();
    begin(event.dataTransfer.files[0]);
  };

  model.on("msg:custom", answer);
  input.addEventListener("change", () => begin(input.files[0]));
  box.addEventListener("dragover", over);
  box.addEventListener("dragleave", leave);
  box.addEventListener("drop", drop);
  return () => model.off("msg:custom", answer);
}

export default { render };
