// What gift-pegjs (an independent parser of GIFT, MIT licence) reads in our fixtures:
//
//     npm install gift-pegjs@1.0.2
//     node gift.mjs ../assessment/gift/course.gift > ../assessment/gift/course.json
//
// tests/gift.rs compares our reading with it.
import { readFileSync } from "node:fs";
import { parse } from "gift-pegjs";

const text = (found) => found?.text ?? null;
const choices = (list) =>
  (Array.isArray(list) ? list : [{ isCorrect: true, weight: null, text: list, feedback: null }]).map((choice) => ({
    right: choice.isCorrect,
    percent: choice.weight,
    answer: choice.text.text ?? choice.text,
    feedback: text(choice.feedback),
  }));

const questions = parse(readFileSync(process.argv[2], "utf8")).map((question) => ({
  type: question.type,
  title: question.title ?? null,
  id: question.id ?? null,
  tags: question.tags ?? [],
  stem: text(question.stem),
  feedback: text(question.globalFeedback),
  truth: question.isTrue ?? null,
  told: question.type === "TF" ? [text(question.trueFeedback), text(question.falseFeedback)] : null,
  choices: question.choices ? choices(question.choices) : null,
  pairs: question.matchPairs?.map((pair) => [pair.subquestion.text, pair.subanswer]) ?? null,
}));
console.log(JSON.stringify(questions, null, 1));
