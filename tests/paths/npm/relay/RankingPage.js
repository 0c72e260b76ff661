// What a frontend with Relay compiles: a ranking found by its id, and its lines page by page.
import { graphql } from 'react-relay';

export const query = graphql`
  query RankingPageQuery($id: ID!, $count: Int!) {
    node(id: $id) {
      ...RankingPage_ranking @arguments(count: $count) @alias
    }
  }
`;

export const fragment = graphql`
  fragment RankingPage_ranking on Ranking
  @argumentDefinitions(count: { type: "Int", defaultValue: 10 }, cursor: { type: "String" })
  @refetchable(queryName: "RankingPagePaginationQuery") {
    revision
    computedAt
    entries(first: $count, after: $cursor) @connection(key: "RankingPage_entries") {
      edges {
        node {
          ...RankingPage_entry
        }
      }
    }
  }
`;

export const entry = graphql`
  fragment RankingPage_entry on RankingEntry {
    rank
    city {
      name
    }
  }
`;
