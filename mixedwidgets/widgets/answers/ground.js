// JupyterLab takes arrow keys and single letters for commands, even where a radio button has the
// focus. Inside a question they belong to its controls; it looks at the element that has the focus.
export default {
  render({ model, el }) {
    // A page that was loaded after the cell ran no longer knows the output that keeps the answer.
    model.send({ page: performance.timeOrigin });
    requestAnimationFrame(() => {
      const question = el.closest(".mixedwidgets-question");
      if (!question || question.dataset.keepsKeys) return;
      question.dataset.keepsKeys = "true";
      question.addEventListener("focusin", (event) => {
        event.target.dataset.lmSuppressShortcuts = "true";
      });
    });
  },
};
