/** Notary reference, vector A.4: a row that notary-signer 0.7.0 wrote. */
export const notaryRow = {
  passphrase: "signerpw1",
  keyId: "6f8b33af43a89dff43e80ec83c0e6585dd3b099e9442f2b31c52b177cc09d84a",
  sealed:
    "eyJhbGciOiJQQkVTMi1IUzI1NitBMTI4S1ciLCJlbmMiOiJBMjU2R0NNIiwicDJjIjo4MTkyLCJwMnMiOiJpOEZ3NWJQVFNZSS1Vd08xIn0." +
    "fZZmkfSYnu9CtesFsAkVFsmm9sDrMDnzxE-jZ6PJ8S63huT92NbKYg.FJosW4KxP2UV_BvR." +
    "3j7ZxxWWZKJxnwQnr7qb4lFP8tiqEyfOtVyLu7fkun_FEWMN6tpAeKzmmD24XklCWi20od7N9VVk5Y4DflUuYUabCKO8sJptQFdOurG3cqowbOmEON" +
    "_QpaUGCSRXwA-WVHiEpl2eBb5wwi7rFvSpij7ClVWsOBNmCw.yu2hbfmUUQNRb_W4WA3OKg",
};
