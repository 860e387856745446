// Asks, and shows the answer as it comes.

import { bubble, show } from "./conversation.js";

const form = document.getElementById("question");
const { question } = form.elements;
const button = form.querySelector("button");

form.addEventListener("submit", (event) => {
  event.preventDefault();
  bubble("user", question.value);
  follow(new EventSource(`answer?question=${encodeURIComponent(question.value)}`));
  question.value = "";
});

function follow(answer) {
  const said = bubble("model waiting");
  button.disabled = true;
  const end = () => {
    answer.close(); // else the browser would connect again, and ask again
    said.classList.remove("waiting");
    button.disabled = false;
    question.focus();
  };
  const fail = (message) => {
    end();
    if (!said.textContent) said.remove();
    bubble("failure", message);
  };
  answer.addEventListener("text", (event) => show(said, said.textContent + JSON.parse(event.data).text));
  answer.addEventListener("restart", () => show(said, ""));
  answer.addEventListener("end", end);
  answer.addEventListener("failure", (event) => fail(JSON.parse(event.data).message));
  answer.addEventListener("error", () => fail("There is no answer at the moment. Please try again in a little while."));
}
