// JupyterLab takes arrow keys and single letters for commands, even where a radio button has the
// focus. Inside a question they belong to its controls; it looks at the element that has the focus.
function keepKeys(question) {
  question.addEventListener("focusin", (event) => {
    event.target.dataset.lmSuppressShortcuts = "true";
  });
}

// The radio buttons of ipywidgets are not told to belong together, nor to what.
function nameGroups(question) {
  for (const group of question.querySelectorAll(".widget-radio:not([role])")) {
    const label = group.querySelector(".widget-label");
    if (!label) continue;
    label.id ||= `mixedwidgets-${Math.random().toString(36).slice(2)}`;
    group.setAttribute("role", "radiogroup");
    group.setAttribute("aria-labelledby", label.id);
  }
}

export default {
  render({ model, el }) {
    // A page that was loaded after the cell ran no longer knows the output that keeps the answer.
    model.send({ page: performance.timeOrigin });
    let observer;
    const frame = requestAnimationFrame(() => {
      const question = el.closest(".mixedwidgets-question");
      if (!question) return;
      keepKeys(question);
      nameGroups(question);
      observer = new MutationObserver(() => nameGroups(question)); // parts come one after another
      observer.observe(question, { childList: true, subtree: true });
    });
    return () => {
      cancelAnimationFrame(frame);
      observer?.disconnect();
    };
  },
};
