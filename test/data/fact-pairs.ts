/** Pairs of memories as people and models write them, one pair a line. */
const pairs = (text: string): [string, string][] =>
  text
    .trim()
    .split('\n')
    .map((line) => {
      const [left = '', right = ''] = line.split(' | ');
      return [left.trim(), right.trim()];
    });

/** The second text says nothing new. */
export const sameFacts = pairs(`
  Ada likes tea. | ada likes TEA!
  Ada likes tea. | Ada really likes tea.
  Ada likes tea. | Ada likes tea very much indeed. Really.
  Ada likes cats. | Ada likes cat.
  The user owns two dogs. | The user owns two dog
  The user prefers dark mode. | User prefers dark mode
  The user prefers short answers. | The user prefers a short answer.
  I like dark chocolate. | I really like dark chocolate!
  I am allergic to peanuts. | I'm allergic to peanuts.
  I am allergic to nuts. | I am allergic to nut.
  Bob doesn't eat meat. | Bob does not eat meat.
  Bob cannot drive. | Bob can't drive.
  Bob can not drive a car. | Bob cannot drive a car.
  The deploy runs on Mondays. | The deploy runs on Monday.
  On Mondays Ada works from home. | Ada works from home on Mondays.
  In 2024 the office moved to Leeds. | The office moved to Leeds in 2024.
  The staging database is called atlas. | Staging database is called "atlas"
  The staging server has 4 CPUs and 16 GB of memory. | The staging server has 4 CPU and 16 GB of memory.
  The project uses pnpm. | The project uses pnpm
  Our companies are based in Vienna. | Our company is based in Vienna.
  Tests are run with vitest. | The tests are run with Vitest.
  Her birthday is on 4 May. | Her birthday is on 4 May
  Her birthday is 4 May. | Her birthday is actually 4 May.
  Use tabs, not spaces. | Use tabs not spaces!
  The client's name is Karl. | The clients name is Karl
  Meetings begin at 9:30. | The meeting begins at 9:30.
  The API key is stored in the vault. | API keys are stored in the vault.
  Ada is quite fond of jazz. | Ada is fond of jazz.
  Please write commit messages in English. | Please write the commit message in English
  She speaks French and German. | She also speaks French and German.
  He just moved to Oslo. | He moved to Oslo.
  The café closes at 18:00. | The cafe closes at 18:00
  Wifi password hints are on the fridge. | The wifi password hints are on the fridge.
  The weekly report of the sales team is due every Friday before noon in the shared folder. | The weekly report of the sales team is due every Friday before noon in the shared folder, please.
  Mother's maiden name question is never to be used. | Mother's maiden name question is never to be used!
  Releases are tagged by the release manager. | The release is tagged by the release manager.
  Invoices go to accounts@example.com. | Invoice goes to accounts@example.com
  Trains to Graz leave from platform 7. | The train to Graz leaves from platform 7.
  The user's time zone is Europe/Vienna. | User's time zone: Europe/Vienna
  The boxes are in the garage. | The box is in the garage.
`);

/** The second text says something else, though it looks alike. */
export const differentFacts = pairs(`
  Ada likes tea. | Ada likes coffee.
  Ada likes tea. | Bob likes tea.
  Ada likes tea. | Ada does not like tea.
  Ada likes tea. | Ada doesn't like tea.
  Ada likes tea. | Ada never drinks tea.
  Ada likes Bob. | Bob likes Ada.
  Ada is Bob's manager. | Bob is Ada's manager.
  The flight goes from Berlin to Paris. | The flight goes from Paris to Berlin.
  The flight is at 9:30. | The flight is at 10:30.
  Her birthday is 4 May. | Her birthday is 14 May.
  Her birthday is 4 May. | His birthday is 4 May.
  The staging server has 4 CPUs and 16 GB of memory. | The staging server has 8 CPUs and 16 GB of memory.
  The staging database is called atlas. | The production database is called atlas.
  The staging database is called atlas. | The staging database is called hermes.
  The deploy runs on Mondays. | The deploy runs on Tuesdays.
  The deploy runs before the tests. | The deploy runs after the tests.
  The weekly report of the sales team is due every Friday before noon in the shared folder of the department, as a spreadsheet. | The weekly report of the sales team is due every Monday before noon in the shared folder of the department, as a spreadsheet.
  The weekly report of the sales team is due every Friday before noon in the shared folder of the department, as a spreadsheet. | The weekly report of the legal team is due every Friday before noon in the shared folder of the department, as a spreadsheet.
  The meeting of the board takes place in the large room on the second floor of the main building every month. | The meeting of the board never takes place in the large room on the second floor of the main building every month.
  All guests may use the pool, the sauna, the gym and the garden during their stay in the summer months. | All guests may use the pool, the sauna, the gym and the garden only during their stay in the summer months.
  Bob eats meat. | Bob eats no meat.
  Bob eats meat. | Bob eats only meat.
  Bob can drive. | Bob can't drive.
  Bob lives in Oslo. | Bob lived in Oslo.
  Bob is in Oslo. | Bob was in Oslo.
  Bob moved to Oslo. | Bob moved from Oslo.
  The user prefers dark mode. | The user prefers light mode.
  The user has a dog. | The user had a dog.
  The user has a dog. | The user has a dog and a cat.
  Use tabs, not spaces. | Use spaces, not tabs.
  The project uses pnpm. | The project uses npm.
  The project uses Node 20. | The project uses Node 22.
  The port is 4000. | The port is 4001.
  The port of the API is 4000 and of the console 4001. | The port of the API is 4001 and of the console 4002.
  The client's name is Karl. | The client's name is Karla.
  She speaks French and German. | She speaks French and Dutch.
  She speaks French. | She speaks French and German.
  Invoices go to accounts@example.com. | Invoices go to billing@example.com.
  Trains to Graz leave from platform 7. | Trains to Linz leave from platform 7.
  The key is under the mat. | The key is in the mat.
  The class meets in May. | The classes met in May.
  Release 1.2 is stable. | Release 1.3 is stable.
  The limit is 10 MB. | The limit is 10 GB.
  Ask before deleting files. | Ask before creating files.
  Always ask before deleting files. | Never ask before deleting files.
  The office is open on weekdays. | The office is closed on weekdays.
  He is the former director. | He is the director.
  Bus line 5 goes to the harbour. | Bus line 6 goes to the harbour.
  Anna's husband is Karl. | Karl's husband is Anna.
  His news is good. | His new is good.
`);

/** Written after the comparison, and never used to change it: what it does with pairs that it was not made for. */
export const unseenSameFacts = pairs(`
  The user lives in Porto. | The user lives in Porto now.
  Maria is vegetarian. | Maria is a vegetarian.
  Maria hates olives. | Maria hates olive.
  The printers are on the third floor. | The printer is on the third floor.
  Backups run at 02:00. | The backup runs at 02:00.
  Backups run nightly at 02:00. | Nightly, backups run at 02:00.
  Do not call before 10. | Don't call before 10!
  Payment is due within 30 days. | Payments are due within 30 days.
  The team's stand-up is at 9:15. | The team stand-up is at 9:15.
  Tom has 3 children. | Tom has 3 kids.
  The user wants replies in Spanish. | The user would like replies in Spanish.
  Kafka topics use snake case. | Kafka topics use snake_case.
  The wine cellar is locked at night. | At night the wine cellar is locked.
  Peter's car is a blue Volvo. | Peter's car is a blue Volvo, of course.
  Use British spelling. | Please use British spelling.
  Lisa is very punctual. | Lisa is punctual.
  The shop is closed on Sundays. | The shop is closed every Sunday.
  The CEO's assistant is Jo. | CEO's assistant: Jo
  Old invoices are archived in S3. | Old invoices are archived in the S3 bucket.
  The mice like cheese. | The mouse likes cheese.
`);

export const unseenDifferentFacts = pairs(`
  The user lives in Porto. | The user works in Porto.
  Maria is vegetarian. | Maria is vegan.
  Maria hates olives. | Maria hates oliver.
  The printers are on the third floor. | The printers are on the first floor.
  Backups run at 02:00. | Backups run at 03:00.
  Backups run on the primary. | Backups run on the replica.
  Call before 10. | Don't call before 10.
  Payment is due within 30 days. | Payment is due after 30 days.
  Tom has 3 children. | Tom has 4 children.
  Tom teaches Ana. | Ana teaches Tom.
  The user wants replies in Spanish. | The user wants questions in Spanish.
  The cellar is locked at night. | The cellar is unlocked at night.
  The cellar key is with Peter. | The cellar key was with Peter.
  Peter's car is a blue Volvo. | Peter's car is a black Volvo.
  Use British spelling. | Use American spelling.
  The plane is late. | The plan is late.
  The shop is closed on Sundays. | The shop is closed on Saturdays.
  Jo reports to Kim and Lee reports to Pat. | Lee reports to Kim and Jo reports to Pat.
  Old invoices are archived. | Old invoices are deleted.
  Merge to main only after review. | Merge to main after review.
`);
