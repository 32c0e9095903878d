import { liveThroughDay } from "./day.ts";
const only = process.argv.slice(2);
const report = await liveThroughDay({
  seconds: 1,
  tell: (l) => console.log(new Date().toISOString(), l),
  ...(only.length ? { only } : {}),
});
console.log(
  JSON.stringify(
    {
      ...report,
      book: {
        ...report.book,
        acknowledged: [...report.book.acknowledged].map(([n, t]) => [n, t.size]),
        refusedReaders: report.book.refusedReaders.slice(0, 10),
        refused: report.book.refusedReaders.length,
      },
    },
    null,
    1,
  ),
);
